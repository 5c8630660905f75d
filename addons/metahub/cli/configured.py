"""What config.yaml says to commands that do not serve.

Knows which options they need. Must not know what for.
"""

from dataclasses import dataclass
from pathlib import Path

_DEFAULTS = {
    "listen_host": "",
    "listen_port": 8080,
    "metahub_rules": "metahub_rules",
    "metahub_store": "metahub.sqlite",
}
"""What mitmproxy and MetaHub take where the file says nothing."""


class NotConfiguredError(Exception):
    """config.yaml cannot be used. The message names the file and the remedy."""


@dataclass(frozen=True, slots=True)
class Configured:
    """Where the proxy has its rules and its store, and where nodes reach it."""

    rules: Path
    store: Path
    proxy: str
    """HOST:PORT; the name of this machine, where the proxy listens on every address."""

    @classmethod
    def of(cls, file: Path) -> "Configured":
        """What a file says. Raises NotConfiguredError."""
        # mitmproxy takes half a second to import, which no other command has to wait for.
        from metahub.proxy.config import ConfigError, read_config  # noqa: PLC0415
        from metahub.proxy.launcher import Door  # noqa: PLC0415

        try:
            options = _DEFAULTS | read_config(file)
        except ConfigError as error:
            raise NotConfiguredError(str(error)) from error
        host, port, rules, store = (str(options[name]) for name in _DEFAULTS)
        if not port.isdecimal():
            raise NotConfiguredError(f"{file}: listen_port: expected a whole number, found {port}")
        door = Door(host or "0.0.0.0", int(port))  # noqa: S104 - every address, in mitmproxy's words
        return cls(Path(rules).expanduser(), Path(store).expanduser(), door.name)
