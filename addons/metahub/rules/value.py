"""Single values of the rules: what each may be, and what it is read as.

Knows the words for what was expected. Must not know where a value stands, nor what else is there.
Every function here raises UnexpectedValueError.
"""

import re
from collections.abc import Callable, Collection, Mapping
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network

from metahub.core.client import Network
from metahub.core.destination import Listed, literal, reached
from metahub.core.kind import KINDS, Kind
from metahub.core.machine import Platform
from metahub.core.registry import Registry
from metahub.rules.mistake import Unquoted, listed, nearest, quoted, shown
from metahub.rules.unexpected import UnexpectedValueError, text

_MANY = 8  # words to choose from in a sentence

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
# Printable ASCII without space and comma; neither end is a separator of key and value.
_FEATURE = re.compile(r"(?![:=])[!-+\--~]+(?<![:=])")
_LOGIN = re.compile(r"[^/]+@")
_AROUND_HOST = re.compile(r"^\w+://|[^/]+@|/.*$")
_ANNOTATION = re.compile(r"[!-~]+")
_VARIANT = re.compile(r"[vV][0-9.]{1,9}")
_FEATURE_KEY = re.compile(r"[!-+\--9;<>-~]+")

# What the runtimes, all written in Go, can call a platform: `go tool dist list`.
_SYSTEMS = (
    "linux windows darwin freebsd netbsd openbsd dragonfly solaris illumos aix android ios plan9"
)
_ARCHITECTURES = (
    "amd64 arm64 arm 386 ppc64le s390x riscv64 loong64 mips64le mips64 mipsle mips ppc64"
)
_PLATFORMS = tuple(
    f"{system}/{architecture}"
    for system in _SYSTEMS.split()
    for architecture in _ARCHITECTURES.split()
)


def machine_type_name(value: object) -> str:
    """The name of a new machine type. It ends up in HTTP's status line, which is ASCII."""
    expected = "a name of letters, digits, dots, dashes and underscores"
    return _matching(_NAME, value, expected)


def known_machine_type(value: object, known: Collection[str]) -> str:
    """The name of a machine type that the rules describe. All are good where none is known."""
    expected = f"the name of a machine type ({listed(known)})" if known else "a machine type"
    name = text(value, expected)
    if known and name not in known:
        raise UnexpectedValueError(shown(name), expected, quoted(nearest(name, known)))
    return name


def description(value: object) -> str:
    """What a machine type is, in the operator's words."""
    return text(value, "a text")


def platform(value: object) -> Platform:
    """A platform that a runtime may have; the level of an amd64 CPU is a feature instead."""
    expected = "a platform like linux/amd64"
    word = text(value, expected)
    read = _platform_meant(word)
    if read is None:
        raise UnexpectedValueError(shown(word), expected, quoted(nearest(word, _PLATFORMS)))
    level = word.lower().split("/")[2:]
    if read.architecture == "amd64" and level not in ([], ["v1"]):
        instead = f"features: [cpu:x86_64_{level[0]}]"
        raise UnexpectedValueError(shown(word), "linux/amd64: a CPU level is a feature", instead)
    return read


def _platform_meant(word: str) -> Platform | None:
    try:
        read = Platform.parse(word)
    except ValueError:
        return None
    return read if f"{read.os}/{read.architecture}" in _PLATFORMS else None


def operating_system(value: object) -> str:
    """The operating system of a platform."""
    return _one_of(_SYSTEMS.split(), value, lambda word: Platform.of(word, "").os)


def architecture(value: object) -> str:
    """The architecture of a platform, in any of its spellings."""
    return _one_of(_ARCHITECTURES.split(), value, lambda word: Platform.of("", word).architecture)


def platform_variant(value: object) -> str:
    """The variant of a platform: a level of amd64, a version of Arm."""
    expected = "a variant like v3"
    if isinstance(value, Unquoted) and _VARIANT.fullmatch(f"v{value.word}"):
        raise UnexpectedValueError(shown(value), expected, quoted(f"v{value.word}"))
    return _matching(_VARIANT, value, expected).lower()


def feature(value: object) -> str:
    """A feature in any spelling. It is read later, when all keys are known."""
    expected = "a feature like cpu:broadwell, without spaces or commas"
    if isinstance(value, Mapping) and len(value) == 1:
        raise UnexpectedValueError("a mapping", expected, _without_space(value))
    return _matching(_FEATURE, value, expected)


def _without_space(pair: Mapping[str, object]) -> str:
    ((key, value),) = pair.items()
    word = value.word if isinstance(value, Unquoted) else value
    return quoted(f"{key}:{word}" if isinstance(word, str) else "")


def feature_key(value: object) -> str:
    """The key of features, in lower case as features are."""
    expected = "the key of features like cpu, without spaces, commas, `:` or `=`"
    return _matching(_FEATURE_KEY, value, expected).lower()


def kind(value: object) -> Kind:
    """How the values of a key compare."""
    return KINDS[_one_of(tuple(KINDS), value)]


def annotation(value: object) -> str:
    """The name of an annotation."""
    return _matching(_ANNOTATION, value, "the name of an annotation, without spaces")


def user(value: object) -> str:
    """A user name. What follows a colon is a password, and not shown."""
    expected = "a user name, without a colon"
    name = text(value, expected)
    before, colon, _ = name.partition(":")
    if colon:
        raise UnexpectedValueError(f"{shown(before)} with a colon behind it", expected)
    if not name.isprintable() or name != name.strip():
        raise UnexpectedValueError(shown(name), "a user name of printable characters")
    return name


def network(value: object) -> Network:
    """An IPv4 or IPv6 network; an address is the network of only itself."""
    expected = "a network like 10.20.0.0/16 or 2001:db8::/32"
    word = text(value, expected)
    meant = _network_meant(word)
    if meant is None:
        raise UnexpectedValueError(shown(word), expected)
    if isinstance(meant, IPv6Network) and (within_ipv4 := _mapped(meant)):
        ipv4_seen = "an IPv4 network: clients are known by their IPv4 address"
        raise UnexpectedValueError(shown(word), ipv4_seen, quoted(str(within_ipv4)))
    if not _is_strict(word):
        no_host = "a network, with no bits set behind the prefix"
        raise UnexpectedValueError(shown(word), no_host, quoted(str(meant)))
    return meant


def _network_meant(word: str) -> Network | None:
    try:
        return None if "%" in word else ip_network(word, strict=False)
    except ValueError:
        return None


def _is_strict(word: str) -> bool:
    try:
        return bool(ip_network(word))
    except ValueError:
        return False


def _mapped(network: IPv6Network) -> IPv4Network | None:
    """The IPv4 network that an IPv6 network stands for. RFC 4291 2.5.5.2."""
    within = network.network_address.ipv4_mapped
    bits = network.prefixlen - (network.max_prefixlen - 32)
    return IPv4Network((within, bits)) if within and bits >= 0 else None


def registry(value: object) -> Registry:
    """A registry's name, without scheme or path."""
    expected = "a registry like ghcr.io or registry.test:5000"
    word = text(value, expected)
    read = _registry_meant(word)
    if read is None:
        bare = _registry_meant(_AROUND_HOST.sub("", word))
        found = shown(_LOGIN.sub("…@", word))
        raise UnexpectedValueError(found, expected, quoted(bare.name if bare else ""))
    return read


def _registry_meant(word: str) -> Registry | None:
    try:
        return Registry.parse(word)
    except ValueError:
        return None


def destination(value: object) -> Listed:
    """A destination that is allowed, without scheme or path."""
    expected = "a host, *.host, address or network, perhaps with :port or :*"
    word = text(value, expected)
    read = _destination_meant(word)
    if read is None:
        found = shown(_LOGIN.sub("…@", word))
        raise UnexpectedValueError(found, expected, quoted(_nearby(word)))
    return read


def _destination_meant(word: str) -> Listed | None:
    try:
        return Listed.parse(word)
    except ValueError:
        return None


def _nearby(word: str) -> str:
    """The entry that is probably meant; empty where nobody could tell."""
    where, colon, port = word.partition(":") if word.count(":") == 1 else (word, "", "")
    network, address = _network_meant(where), literal(where)
    exact = (_mapped(network) if isinstance(network, IPv6Network) else None) or network
    bare = _AROUND_HOST.sub("", word).strip(".")
    candidates = (
        f"{exact or (reached(address) if address else '')}{colon}{port}",
        f"*.{word.lstrip('*.')}" if word[0] in "*." else bare,
    )
    return next((one for one in candidates if one and _destination_meant(one)), "")


def choice[Choice: StrEnum](choices: type[Choice], value: object) -> Choice:
    """One of a few words."""
    return choices(_one_of([one.value for one in choices], value))


def _one_of(
    words: Collection[str], value: object, in_one_spelling: Callable[[str], str] = str
) -> str:
    expected = f"one of {listed(words, _MANY)}"
    word = in_one_spelling(text(value, expected))
    if word not in words:
        raise UnexpectedValueError(shown(word), expected, quoted(nearest(word, words)))
    return word


def _matching(pattern: re.Pattern[str], value: object, expected: str) -> str:
    word = text(value, expected)
    if pattern.fullmatch(word) is None:
        raise UnexpectedValueError(shown(word), expected)
    return word
