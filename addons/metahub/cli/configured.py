"""config.yaml -> what the commands that start no proxy need of it.

Knows which options say it, and what stands where they say nothing. Must not know what it is for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from metahub.config import HOSTS, RULES, STORE, ConfigError, read_config
from metahub.config.listening import listening, name_for_nodes
from metahub.node.authority import Confdir, own_hosts, parse_host

_CONFDIR = "~/.mitmproxy"  # what mitmproxy takes


@dataclass(frozen=True, slots=True)
class Configured:
    """Where the CA, the rules and the store are, and by what nodes reach the proxy."""

    confdir: Confdir
    rules: Path
    store: str
    """A path, or a URL that may have a password in it."""
    proxy: str
    """HOST:PORT."""
    own_hosts: tuple[str, ...]
    """By which nodes reach the proxy itself over TLS."""
    named_hosts: tuple[str, ...]
    """Those of them that somebody wrote down."""

    @classmethod
    def by(cls, file: Path) -> "Configured":
        """What a file says. Raises ConfigError."""
        options = read_config(file)
        try:
            return cls._of(options)
        except ValueError as error:
            raise ConfigError(f"{file}: {error}") from error

    @classmethod
    def _of(cls, options: Mapping[str, object]) -> "Configured":
        named, (host, port) = _named_hosts(options), listening(options)
        passphrase = _text(options, "cert_passphrase", "").encode() or None
        return cls(
            Confdir(_path(options, "confdir", _CONFDIR), passphrase),
            _path(options, RULES.name, str(RULES.default)),
            _text(options, STORE.name, str(STORE.default)),
            name_for_nodes(host, port),
            own_hosts(named, _text(options, "listen_host", "")),
            named,
        )


def _named_hosts(options: Mapping[str, object]) -> tuple[str, ...]:
    listed = options.get(HOSTS.name) or []
    if not isinstance(listed, list):
        raise ValueError(f"{HOSTS.name}: expected a list, found {listed!r}")
    try:
        return tuple(parse_host(str(host)) for host in listed)
    except ValueError as error:
        raise ValueError(f"{HOSTS.name}: {error}") from error


def _path(options: Mapping[str, object], name: str, default: str) -> Path:
    return Path(_text(options, name, default)).expanduser()


def _text(options: Mapping[str, object], name: str, default: str) -> str:
    value = options.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{name}: expected a text, found {value!r}")
    return value or default
