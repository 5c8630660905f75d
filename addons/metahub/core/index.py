"""bytes <-> index; unknown fields and their order survive.

Knows the shape of an OCI image index and a Docker manifest list. Must not know what fits.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from metahub.core.digest import Digest
from metahub.core.distribution import (
    INDEX_TYPES,
    MANIFEST_TYPES,
    MAX_MANIFEST_BYTES,
    OCI_INDEX,
    one_line,
    short_name,
)
from metahub.core.machine import Platform

# https://github.com/moby/buildkit/blob/v0.15.0/docs/attestations/attestation-storage.md
REFERENCE_TYPE = "vnd.docker.reference.type"
REFERENCE_DIGEST = "vnd.docker.reference.digest"

# An index has four levels. How deep Python itself reads depends on its version, and the same index
# may not be read by one instance and refused by another.
MAX_NESTING = 100

# As many as every Python reads, however carefully it is told to. Clients read no more than 19.
# https://docs.python.org/3/library/stdtypes.html#configuring-the-limit
MAX_DIGITS = 640

type Fields = Mapping[str, Any]
"""A JSON object as it came, every field in its place. Never changed, only copied."""


class MalformedIndexError(ValueError):
    """Upstream sent something that is no index. The message names the place in it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One descriptor of an index.

    https://github.com/opencontainers/image-spec/blob/v1.1.0/image-index.md
    """

    digest: Digest
    media_type: str
    platform: Platform | None
    variant: str
    """`platform.variant` as it stands there, of any architecture."""
    features: tuple[str, ...]
    os_features: tuple[str, ...]
    annotations: Mapping[str, str]
    fields: Fields

    @property
    def attests(self) -> Digest | None:
        """The manifest that this entry is a BuildKit attestation of."""
        if REFERENCE_TYPE not in self.annotations:
            return None
        try:
            return Digest.parse(self.annotations.get(REFERENCE_DIGEST, ""))
        except ValueError:
            return None

    @property
    def is_image(self) -> bool:
        """True for the manifest of an image that runs on a platform: what a client may choose.

        A nested index, an artifact, an attestation and an entry without platform are none.
        """
        return (
            self.media_type in MANIFEST_TYPES
            and self.platform is not None
            and self.platform.os not in ("", "unknown")
            and REFERENCE_TYPE not in self.annotations
            and self.fields.get("artifactType") is None
        )

    def with_features(self, more: Iterable[str]) -> "Entry":
        """This entry, with more features of its platform."""
        features = [*self.features, *more]
        if len(features) == len(self.features):
            return self
        platform = {**self.fields["platform"], "features": features}
        return _parse_entry({**self.fields, "platform": platform}, "entry")

    def without_platform_fields(self, names: Collection[str]) -> "Entry":
        """This entry, its platform without the fields `names`."""
        platform = self.fields["platform"]
        if not any(name in platform for name in names):
            return self
        kept = {key: value for key, value in platform.items() if key not in names}
        return _parse_entry({**self.fields, "platform": kept}, "entry")


@dataclass(frozen=True, slots=True)
class Index:
    """An OCI image index or a Docker manifest list."""

    media_type: str
    entries: tuple[Entry, ...]
    fields: Fields

    @property
    def is_about_an_image(self) -> bool:
        """True for an index that belongs to an image, and is none itself: a list of referrers."""
        return any(self.fields.get(name) is not None for name in ("subject", "artifactType"))

    def with_entries(self, entries: Iterable[Entry]) -> "Index":
        """This index with other entries; all else stays."""
        kept = tuple(entries)
        fields = {**self.fields, "manifests": [entry.fields for entry in kept]}
        return Index(self.media_type, kept, fields)

    def annotated(self, annotations: Mapping[str, str]) -> "Index":
        """This index with more annotations. A Docker manifest list has none and stays as it is."""
        if self.media_type != OCI_INDEX:
            return self
        merged = {**(self.fields.get("annotations") or {}), **annotations}
        return Index(self.media_type, self.entries, {**self.fields, "annotations": merged})

    def serialize(self) -> bytes:
        """The index as JSON: the same value gives the same bytes, in every process and for ever."""
        return json.dumps(self.fields, separators=(",", ":"), allow_nan=False).encode("ascii")


def parse_index(body: bytes, media_type: str) -> Index:
    """Read an index that upstream served as `media_type`, one of `INDEX_TYPES`.

    Raises MalformedIndexError for a body that is too large, no JSON, or of the wrong shape. What is
    not needed to choose is not looked at, and kept.
    """
    fields = _parse_json(body)
    if not isinstance(fields, dict):
        raise MalformedIndexError(f"expected a JSON object, found {_named(fields)}")
    stated = _field(fields, "mediaType", str, "", default=media_type)
    if stated != media_type or media_type not in INDEX_TYPES:
        raise MalformedIndexError(f"mediaType: expected {media_type}, found {_shown(stated)}")
    _field(fields, "annotations", _annotations, "", default={})
    absent = _REQUIRED if "manifests" not in fields else []
    manifests = _field(fields, "manifests", list, "", default=absent)
    entries = tuple(
        _parse_entry(fields, f"manifests[{position}]") for position, fields in enumerate(manifests)
    )
    return Index(media_type, entries, fields)


def _parse_json(body: bytes) -> object:
    if len(body) > MAX_MANIFEST_BYTES:
        raise MalformedIndexError(
            f"{len(body)} bytes, more than the {MAX_MANIFEST_BYTES} that clients take"
        )
    if _nesting(body) > MAX_NESTING:
        raise MalformedIndexError(f"nested deeper than {MAX_NESTING} levels")
    try:
        return json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_object_without_duplicates,
            parse_int=_whole,
            parse_float=_finite,
            parse_constant=_finite,
        )
    except MalformedIndexError:
        raise
    except ValueError as error:
        raise MalformedIndexError(f"not JSON: {one_line(str(error), 200)}") from error


# Takes an open end too: a pattern that fails there would be tried again from every quote before it.
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_NO_BRACKET = bytes(set(range(256)) - set(b"[]{}"))
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


def _nesting(body: bytes) -> int:
    """How many arrays and objects stand in one another, at the deepest place."""
    brackets = _STRING.sub(b"", body).translate(None, delete=_NO_BRACKET)
    return max(accumulate(map(_STEPS.__getitem__, brackets)), default=0)


def _object_without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Readers differ on which of two equal keys counts, so a client might see what we did not."""
    fields = dict(pairs)
    if len(fields) != len(pairs):
        twice, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise MalformedIndexError(f"the key {_shown(twice)} stands twice in one object")
    return fields


def _whole(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise MalformedIndexError(f"{text[:40]}... is a number of more than {MAX_DIGITS} digits")
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise MalformedIndexError(f"{text[:40]} is not a number that JSON knows")
    return number


def _parse_entry(fields: object, at: str) -> Entry:
    if not isinstance(fields, dict):
        raise MalformedIndexError(f"{at}: expected an object, found {_named(fields)}")
    platform = _field(fields, "platform", dict, at, default=None)
    if _field(fields, "size", int, at) < 0:
        raise MalformedIndexError(f"{at}.size: expected a number of bytes, found less than none")
    inside = platform or {}
    at_platform = f"{at}.platform"
    return Entry(
        digest=_field(fields, "digest", _digest, at),
        media_type=_field(fields, "mediaType", str, at),
        platform=None if platform is None else _platform(platform, at_platform),
        variant=_field(inside, "variant", str, at_platform, default=""),
        features=_field(inside, "features", _strings, at_platform, default=()),
        os_features=_field(inside, "os.features", _strings, at_platform, default=()),
        annotations=_field(fields, "annotations", _annotations, at, default={}),
        fields=fields,
    )


def _platform(fields: Fields, at: str) -> Platform:
    return Platform.of(
        os=_field(fields, "os", str, at, default=""),
        architecture=_field(fields, "architecture", str, at, default=""),
        variant=_field(fields, "variant", str, at, default=""),
        os_version=_field(fields, "os.version", str, at, default=""),
    )


_REQUIRED: Any = object()


def _field(
    fields: Fields, name: str, read: type | Callable[[Any], Any], at: str, default: Any = _REQUIRED
) -> Any:
    """`fields[name]` as `read` takes it; `null` is as good as absent, as Go's clients have it."""
    value = fields.get(name)
    place = f"{at}.{name}".lstrip(".")
    if value is None and default is not _REQUIRED:
        return default
    if value is None:
        raise MalformedIndexError(f"{place} is missing")
    if not isinstance(read, type):
        try:
            return read(value)
        except ValueError as error:
            raise MalformedIndexError(f"{place}: {one_line(str(error), 200)}") from error
    if not isinstance(value, read) or isinstance(value, bool):
        raise MalformedIndexError(f"{place}: expected {_JSON_NAMES[read]}, found {_named(value)}")
    return value


def _digest(value: object) -> Digest:
    if not isinstance(value, str):
        raise ValueError(f"expected a digest, found {_named(value)}")
    return Digest.parse(value)


def _strings(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError("expected a list of strings")
    return tuple(value)


def _annotations(value: object) -> Mapping[str, str]:
    if not isinstance(value, dict):
        raise ValueError("expected an object of strings")
    stated = {name: item for name, item in value.items() if item is not None}
    if not all(isinstance(item, str) for item in stated.values()):
        raise ValueError("expected an object of strings")
    return stated


_JSON_NAMES: dict[type, str] = {
    dict: "an object",
    list: "a list",
    str: "a string",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    type(None): "null",
}


def _named(value: object) -> str:
    return _JSON_NAMES[type(value)]


def _shown(text: str) -> str:
    return repr(short_name(text))
