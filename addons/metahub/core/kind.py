"""The kinds of comparison between a value that is offered and one that is required.

Knows CPU targets, versions and compute capabilities. Must not know features or machine types.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Collection
from typing import override

import archspec.cpu


class Kind(ABC):
    """How the values of one key are compared."""

    @abstractmethod
    def satisfies(self, offered: str, required: str) -> bool:
        """True if a machine that offers `offered` runs a build that requires `required`."""

    @abstractmethod
    def closeness(self, required: str) -> tuple[int, ...]:
        """How much a build made for `required` uses: of two that fit, more is closer."""


class Exact(Kind):
    """Equal or not. The default."""

    @override
    def satisfies(self, offered: str, required: str) -> bool:
        return offered == required

    @override
    def closeness(self, required: str) -> tuple[int, ...]:
        return ()


class Microarchitecture(Kind):
    """A CPU runs what was built for its own target and for every ancestor of it (archspec's graph).

    A name that archspec does not know equals only itself.
    https://archspec.readthedocs.io/en/latest/usage.html#basic-usage
    """

    @override
    def satisfies(self, offered: str, required: str) -> bool:
        return _target_name(required) in _self_and_ancestors(offered)

    @override
    def closeness(self, required: str) -> tuple[int, ...]:
        return (len(_self_and_ancestors(required)),)


def _target_name(value: str) -> str:
    return value.replace("-", "_")


def known_targets() -> Collection[str]:
    """Every CPU target that archspec knows."""
    return tuple(archspec.cpu.TARGETS)


def family(target: str) -> str | None:
    """The family of a CPU target, like `x86_64` or `aarch64`; None if archspec knows no such."""
    known = archspec.cpu.TARGETS.get(_target_name(target))
    return str(known.family.name) if known else None


def _self_and_ancestors(value: str) -> frozenset[str]:
    name = _target_name(value)
    target = archspec.cpu.TARGETS.get(name)
    if target is None:
        return frozenset({name})
    return frozenset({name, *(ancestor.name for ancestor in target.ancestors)})


class Minimum(Kind):
    """Version order: the machine has at least what is required. `550.54.15` satisfies `535`."""

    @override
    def satisfies(self, offered: str, required: str) -> bool:
        if offered == required:
            return True
        wanted = _version(required)
        return bool(wanted) and _version(offered) >= wanted

    @override
    def closeness(self, required: str) -> tuple[int, ...]:
        return _version(required)


# The most digits that every Python reads, however carefully it is told to.
# https://docs.python.org/3/library/stdtypes.html#configuring-the-limit
_NUMBER = re.compile(r"[0-9]{1,640}")


def _version(value: str) -> tuple[int, ...]:
    """Every number in it, in order: `5.14.0-427.el9` is (5, 14, 0, 427, 9), `latest` is ().

    Trailing zeros mean nothing, so that `12.0` and `12` are one version.
    """
    numbers = [int(number) for number in _NUMBER.findall(value)]
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


class CudaCapability(Kind):
    """A binary runs on its own major compute capability, with the same or a later minor.

    https://docs.nvidia.com/cuda/cuda-c-programming-guide/#binary-compatibility
    """

    @override
    def satisfies(self, offered: str, required: str) -> bool:
        if offered == required:
            return True
        has, wants = _capability(offered), _capability(required)
        return has is not None and wants is not None and has[0] == wants[0] and has[1] >= wants[1]

    @override
    def closeness(self, required: str) -> tuple[int, ...]:
        return _capability(required) or ()


_CAPABILITY = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})")


def _capability(value: str) -> tuple[int, int] | None:
    match = _CAPABILITY.fullmatch(value)
    return (int(match[1]), int(match[2])) if match else None


KINDS: dict[str, Kind] = {
    "exact": Exact(),
    "microarchitecture": Microarchitecture(),
    "minimum": Minimum(),
    "cuda_capability": CudaCapability(),
}
"""Every kind, by its name in the rules."""
