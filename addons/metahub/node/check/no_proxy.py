"""Which hosts Go's programs ask no proxy for.

Knows the words of NO_PROXY. Must not know where they were found.
https://pkg.go.dev/golang.org/x/net/http/httpproxy#Config
"""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

type _Address = IPv4Address | IPv6Address


def is_local(host: str) -> bool:
    """True for this machine itself, for which they never ask one."""
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def covering(no_proxy: str, host: str, port: int) -> str | None:
    """The first word of NO_PROXY that takes `host` and `port` out; None if none does."""
    words = (word.strip() for word in no_proxy.split(","))
    return next((word for word in words if word and _covers(word.lower(), host, port)), None)


def _covers(word: str, host: str, port: int) -> bool:
    if word == "*":
        return True
    address = _address(host)
    if "/" in word:
        return address is not None and _is_in(address, word)
    name, only_port = _split(word)
    if only_port not in ("", str(port)):
        return False
    if (excluded := _address(name)) is not None:
        return address == excluded
    return _is_below(host.rstrip("."), name.removeprefix("*"))


def _is_below(host: str, name: str) -> bool:
    """`.a.b` covers what is below `a.b`; `a.b` covers that itself, too."""
    return host == name or (bool(name) and host.endswith("." + name.removeprefix(".")))


def _split(word: str) -> tuple[str, str]:
    """A name or an address, and its port if it has one."""
    if _address(word) is not None:
        return word, ""
    name, _, port = word.rpartition(":") if ":" in word else (word, "", "")
    return name.strip("[]"), port


def _address(text: str) -> _Address | None:
    try:
        return ip_address(text.strip("[]"))
    except ValueError:
        return None


def _is_in(address: _Address, network: str) -> bool:
    try:
        return address in ip_network(network, strict=False)
    except ValueError:
        return False
