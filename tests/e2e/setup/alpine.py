"""A tree of files that has busybox for everything, as a fresh Alpine.

Knows where programs look for their files. Must not know which script runs there.
"""

import subprocess
from pathlib import Path

# https://gitlab.alpinelinux.org/alpine/ca-certificates: its program keeps links to what there is.
_STORE = """\
#!/bin/sh
cat /usr/share/ca-certificates/*.crt /usr/local/share/ca-certificates/*.crt 2>/dev/null \\
    >/etc/ssl/certs/ca-certificates.crt
for link in /etc/ssl/certs/ca-cert-*.pem; do [ -e "$link" ] || rm -f "$link"; done
for file in /usr/local/share/ca-certificates/*.crt; do
    [ ! -e "$file" ] || ln -sf "$file" "/etc/ssl/certs/ca-cert-$(basename "$file" .crt).pem"
done
"""
_FOLDERS = ("bin", "tmp", "usr/sbin", "usr/share/ca-certificates", "etc/ssl/certs", "var/lib")


def plant_busybox(root: Path) -> None:
    """Make the tree below a folder."""
    for folder in _FOLDERS:
        (root / folder).mkdir(parents=True)
    busybox = subprocess.check_output(["sh", "-c", "command -v busybox"], text=True).strip()
    plant(root / "bin/busybox", Path(busybox).read_bytes())
    for applet in subprocess.check_output([busybox, "--list"], text=True).split():
        if applet != "busybox":
            (root / "bin" / applet).symlink_to("busybox")
    (root / "usr/share/ca-certificates/a.crt").write_text("of Alpine\n")
    plant(root / "usr/sbin/update-ca-certificates", _STORE.encode())


def plant_openrc(root: Path, service: str) -> None:
    """A service that OpenRC starts, and what was asked of it in /tmp/asked."""
    plant(root / "etc/init.d" / service, b"#!/sbin/openrc-run\n")
    plant(root / "bin/rc-service", b'#!/bin/sh\necho "$@" >>/tmp/asked\n')


def plant(file: Path, content: bytes) -> None:
    """A program."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    file.chmod(0o755)
