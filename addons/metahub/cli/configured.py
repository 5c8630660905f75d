"""config.yaml -> what the commands that start no proxy need of it.

Knows which options say it, and what stands where they say nothing. Must not know what it is for.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from metahub.config import CONFIG, EXEMPT_AGENTS, HOSTS, RULES, STORE, ConfigError, read_config
from metahub.config.listening import listening, name_for_nodes
from metahub.core.user_agent import parse_product
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
    exempt_agents: frozenset[str] = frozenset()
    """The programs that see upstream's own indexes."""

    @classmethod
    def by(cls, file: Path) -> "Configured":
        """What a file says. Raises ConfigError."""
        options = read_config(file)
        try:
            return cls._of(options)
        except ValueError as error:
            raise ConfigError(f"{file}: {error}") from error

    @classmethod
    def beside(cls, rules: Path, file: Path | None) -> "Configured | None":
        """What a file says, or else config.yaml beside the rules; None where there is none.

        Raises ConfigError.
        """
        found = file or rules.absolute().parent / CONFIG
        return cls.by(found) if file or found.exists() else None

    @classmethod
    def _of(cls, options: Mapping[str, object]) -> "Configured":
        named, (host, port) = _named(options, HOSTS.name, parse_host), listening(options)
        passphrase = _text(options, "cert_passphrase", "").encode() or None
        return cls(
            Confdir(_path(options, "confdir", _CONFDIR), passphrase),
            _path(options, RULES.name, str(RULES.default)),
            _text(options, STORE.name, str(STORE.default)),
            name_for_nodes(host, port),
            own_hosts(named, _text(options, "listen_host", "")),
            named,
            frozenset(_named(options, EXEMPT_AGENTS.name, parse_product)),
        )


def _named(
    options: Mapping[str, object], name: str, parse: Callable[[str], str]
) -> tuple[str, ...]:
    listed = options.get(name) or []
    if not isinstance(listed, list):
        raise ValueError(f"{name}: expected a list, found {listed!r}")
    try:
        return tuple(parse(str(word)) for word in listed)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _path(options: Mapping[str, object], name: str, default: str) -> Path:
    return Path(_text(options, name, default)).expanduser()


def _text(options: Mapping[str, object], name: str, default: str) -> str:
    value = options.get(name)
    if value is not None and not isinstance(value, str):
        found = "something else" if "://" in str(value) else repr(value)  # it may have a password
        raise ValueError(f"{name}: expected a text, found {found}")
    return value or default
