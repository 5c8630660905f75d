"""Where the proxy listens, and where nodes reach it.

Knows the options that say it. Must not know any socket.
"""

import socket
from collections.abc import Mapping

_EVERY_ADDRESS = ("", "0.0.0.0", "::")  # noqa: S104 - recognised, not bound
_PORT = 8080
_PROXIES = ("regular", "upstream")


def bracketed(host: str) -> str:
    """As it stands before a port."""
    return f"[{host}]" if ":" in host else host


def name_for_nodes(host: str, port: int) -> str:
    """HOST:PORT, with the name of this machine where the proxy listens on every address."""
    return f"{socket.gethostname() if host in _EVERY_ADDRESS else bracketed(host)}:{port}"


def listening(options: Mapping[str, object]) -> tuple[str, int]:
    """The host, empty for every address, and the port of the first mode that nodes ask as a proxy.

    Raises ValueError, which names the option.
    """
    host, port = _in_mode(options.get("mode"))
    return host or str(options.get("listen_host") or ""), _port(options, port)


def _in_mode(modes: object) -> tuple[str, str]:
    """What stands behind its last @, as in regular@8081.

    https://github.com/mitmproxy/mitmproxy/blob/v12.2.3/mitmproxy/proxy/mode_specs.py#L103
    """
    for mode in modes if isinstance(modes, list) else ():
        before, _, behind = str(mode).rpartition("@")
        if (before or behind).partition(":")[0] in _PROXIES:
            host, _, port = behind.rpartition(":") if before else ("", "", "")
            return host.strip("[]"), port
    return "", ""


def _port(options: Mapping[str, object], in_mode: str) -> int:
    if in_mode:
        return _number("mode", in_mode)
    port = options.get("listen_port")
    return _PORT if port is None else _number("listen_port", port)


def _number(name: str, port: object) -> int:
    """The port. What a mode has there is not shown, for it may be a misplaced password."""
    if not str(port).isdecimal():
        found = " behind the last @" if name == "mode" else f", found {port!r}"
        raise ValueError(f"{name}: expected a port{found}")
    return int(str(port))
