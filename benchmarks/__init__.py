"""How fast MetaHub is on this machine, beside other proxies: `make bench`."""
