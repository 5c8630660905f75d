"""config.yaml -> where the CA and the rules are, for the commands that start no proxy.

Knows the few options that say it. Must not know mitmproxy, which takes half a second to import.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from metahub.node.authority_making import own_hosts, parse_host
from metahub.node.confdir import Confdir

CONFIG = Path("config.yaml")
RULES = Path("metahub_rules")


class PlacesError(Exception):
    """config.yaml does not say it. The message is one sentence."""


@dataclass(frozen=True, slots=True)
class Places:
    """The confdir, the directory of the rules, and by which hosts the proxy itself is reached."""

    confdir: Confdir
    rules: Path
    own_hosts: tuple[str, ...]
    """By which nodes reach the proxy itself over TLS."""
    named_hosts: tuple[str, ...]
    """Those of them that somebody wrote down."""


def read_places(config: Path) -> Places:
    """What config.yaml says, or what mitmproxy and MetaHub do where it says nothing.

    A relative path in it is relative to it. Raises PlacesError.
    """
    options = _options(config)
    passphrase = _text(config, options, "cert_passphrase") or ""
    confdir = Path(_text(config, options, "confdir") or "~/.mitmproxy").expanduser()
    rules = _text(config, options, "metahub_rules")
    named, own = _own_hosts(config, options)
    return Places(
        Confdir(config.parent / confdir, passphrase.encode() or None),
        config.parent / Path(rules).expanduser() if rules else RULES,
        own,
        named,
    )


def _own_hosts(
    config: Path, options: Mapping[str, object]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    listed = options.get("metahub_hosts") or []
    if not isinstance(listed, list):
        raise PlacesError(f"{config}: metahub_hosts: expected a list, found {listed!r}")
    try:
        named = tuple(parse_host(str(host)) for host in listed)
    except ValueError as error:
        raise PlacesError(f"{config}: metahub_hosts: {error}") from error
    return named, own_hosts(named, _text(config, options, "listen_host") or "")


def _options(config: Path) -> Mapping[str, object]:
    try:
        options = yaml.safe_load(config.read_text(encoding="utf-8"))
    except OSError as error:
        raise PlacesError(f"{config}: {error.strerror}; name another with --config") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PlacesError(f"{config} is not YAML: {error}") from error
    if not isinstance(options, dict):
        raise PlacesError(f"{config}: expected options, as `name: value` each")
    return options


def _text(config: Path, options: Mapping[str, object], name: str) -> str | None:
    value = options.get(name)
    if value is not None and not isinstance(value, str):
        raise PlacesError(f"{config}: {name}: expected a text")
    return value
