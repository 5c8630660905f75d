"""config.yaml -> the values of mitmproxy's options, ours among them.

Knows which options are paths. Must not know mitmproxy, nor what the options do.
"""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

import yaml

from metahub.config.options import OPTIONS, PREFIX

CONFIG = Path("config.yaml")
"""The file, where nobody names another."""

# Of mitmproxy's options, those whose value is a path; ours are paths but for the policy.
_PATHS = frozenset(
    {
        "client_certs",
        "confdir",
        "hardump",
        "metahub_rules",
        "metahub_store",
        "save_stream_file",
        "ssl_verify_upstream_trusted_ca",
        "ssl_verify_upstream_trusted_confdir",
    }
)

_DATABASE = re.compile(r"postgres[a-z0-9+]*:")


# What PyYAML lets through for a value that its tag, or its look, promises to be something else:
# `2026-13-45`, `!!timestamp soon`, a thousand brackets.
_NO_YAML = (
    yaml.YAMLError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


class ConfigError(Exception):
    """config.yaml cannot be used. The message names the file, the option and the remedy."""


def read_config(file: Path) -> dict[str, object]:
    """The options that `file` sets. A relative path in it is relative to the file.

    Raises ConfigError for a file that cannot be read, and for an option of ours that there is not:
    mitmproxy itself would ignore it in silence.
    """
    values = _parse(file)
    for name in values:
        unknown = complaint(name)
        if name.startswith(PREFIX) and unknown:
            raise ConfigError(f"{file}: {unknown}")
    return {name: _absolute(name, value, file) for name, value in values.items()}


def complaint(name: str) -> str | None:
    """What is wrong with the name of an option of ours; None if there is one of that name."""
    known = [option.name for option in OPTIONS]
    if name in known:
        return None
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
    return f"there is no option {name}; {hint}"


def _parse(file: Path) -> Mapping[str, object]:
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}; name another with --config") from error
    except _NO_YAML as error:
        raise ConfigError(f"{file} is not YAML: {error}") from error
    if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
        raise ConfigError(f"{file}: expected options, as `name: value` each")
    return values


def _is_url(value: str) -> bool:
    """True for a store in a database, also where it is mistyped."""
    return "://" in value or _DATABASE.match(value) is not None


def _absolute(name: str, value: object, file: Path) -> object:
    if name not in _PATHS or not isinstance(value, str) or _is_url(value):
        return value
    try:
        return str(file.parent.absolute() / Path(value).expanduser())
    except RuntimeError as error:  # of a home that nobody has
        why = f"{name}: there is no home for {value!r}; write the path in full"
        raise ConfigError(f"{file}: {why}") from error
