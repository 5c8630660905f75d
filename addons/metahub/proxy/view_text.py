"""Indexes and manifests in words, for a person who looks at a flow.

Knows the answers of the core. Must not know flows, nor which tool shows the words.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from metahub.core.content import Content
from metahub.core.digest import Digest
from metahub.core.distribution import MAX_MANIFEST_BYTES, ImageName, one_line
from metahub.core.feature import Vocabulary
from metahub.core.index import Entry, parse_index
from metahub.core.judgement import Judged, Judgement
from metahub.core.requirement import required_features
from metahub.core.rewrite import Terms, rewrite

MOST_ROWS = 100
"""So many entries or layers are shown: an index may have thousands, and it is drawn often."""

_LONGEST_CELL = 80  # characters of what upstream wrote, in a column that others stand behind
_LONGEST_LAST_CELL = 400

_UNITS = ("KiB", "MiB", "GiB", "TiB")

type _Row = Sequence[str]


@dataclass(frozen=True, slots=True)
class _Blob:
    """What a manifest says of its config, or of a layer."""

    digest: str
    media_type: str
    size: int


def judged_index(index: Content, image: ImageName, terms: Terms) -> tuple[Judgement, str]:
    """What becomes of upstream's index on these terms: the judgement, and all of it in words.

    Raises MalformedIndexError.
    """
    entries = parse_index(index.body, index.media_type).entries
    judged = Judgement.of(rewrite(index.body, index.media_type, image, terms))
    headline = f"{image} for {terms.machine_type}: {judged.outcome.words}, {judged.message}"
    rows = [_judged_row(*both) for both in zip(entries, judged.entries, strict=True)]
    title = f"Upstream's index {judged.upstream_digest}, by the rules in force now: "
    return judged, _lines([one_line(headline, 1000), "", title + _counted(rows), *_table(rows)])


def judged_lines(judged: Judgement) -> Iterator[str]:
    """What becomes of each entry, where sizes are not at hand."""
    return _table([_judged_cells(entry) for entry in judged.entries])


def listed_index(index: Content, title: str, vocabulary: Vocabulary) -> str:
    """The entries of an index of which nothing is judged. Raises MalformedIndexError."""
    parsed = parse_index(index.body, index.media_type)
    rows = [_row(entry, _required(entry, vocabulary)) for entry in parsed.entries]
    annotations = _annotations(parsed.fields.get("annotations"))
    headline = f"{title} {Digest.of(index.body)}: {_counted(rows)}"
    return _lines([headline, *_table(rows), *annotations])


def manifest_text(manifest: Content) -> str:
    """The config and the layers of an image. Raises ValueError for what is no manifest."""
    fields = _parsed(manifest.body)
    config, layers = _blob(fields.get("config"), "config"), _layers(fields.get("layers"))
    total = human_size(sum(layer.size for layer in layers))
    rows = [(_short(layer.digest), human_size(layer.size), layer.media_type) for layer in layers]
    return _lines(
        [
            f"Manifest {Digest.of(manifest.body)}",
            f"config: {_cell(config.digest)}, {_cell(config.media_type)}",
            f"layers: {len(layers)}, {total} in all",
            *_table(rows),
            *_annotations(fields.get("annotations")),
        ]
    )


def human_size(size: int) -> str:
    """`size` bytes for a person: `512 B`, `27.5 MiB`."""
    if size < 1024:
        return f"{size} B"
    power = min((size.bit_length() - 1) // 10, len(_UNITS))
    tenths = size * 10 // 1024**power  # whole numbers: a manifest may name any
    return _cell(f"{tenths // 10}.{tenths % 10} {_UNITS[power - 1]}")


def _judged_row(entry: Entry, judged: Judged) -> _Row:
    return (*_row(entry, judged.requires), "stays" if judged.stays else "goes", judged.reason)


def _judged_cells(judged: Judged) -> _Row:
    words = (judged.digest.short, judged.platform or "none", judged.listed)
    return (*words, "stays" if judged.stays else "goes", judged.reason)


def _row(entry: Entry, requires: Iterable[str]) -> _Row:
    platform = str(entry.platform) if entry.platform else "none"
    listed = ", ".join(requires) or "nothing"
    return (entry.digest.short, platform, listed, human_size(entry.fields["size"]))


def _required(entry: Entry, vocabulary: Vocabulary) -> Iterator[str]:
    if entry.is_image:
        yield from map(str, sorted(required_features(entry, vocabulary)))


def _counted(rows: Sequence[_Row]) -> str:
    return f"{len(rows)} {'entry' if len(rows) == 1 else 'entries'}"


def _table(rows: Sequence[_Row]) -> Iterator[str]:
    """The rows in columns; the last column ends where its words do."""
    shown = [[*map(_cell, row[:-1]), one_line(row[-1], _LONGEST_LAST_CELL)] for row in rows]
    shown = shown[:MOST_ROWS]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    for row in shown:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f"  {'  '.join(cells)}".rstrip()
    if len(rows) > MOST_ROWS:
        yield f"  and {len(rows) - MOST_ROWS} more"


def _annotations(fields: object) -> Iterator[str]:
    if not isinstance(fields, Mapping) or not fields:
        return
    yield "annotations:"
    yield from _table([(f"{name}: {value}",) for name, value in fields.items()])


def _parsed(body: bytes) -> Mapping[str, Any]:
    if len(body) > MAX_MANIFEST_BYTES:
        raise ValueError(
            f"{len(body)} bytes, more than the {MAX_MANIFEST_BYTES} that a manifest may have"
        )
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"expected a manifest as JSON: {one_line(str(error), 200)}") from error
    if not isinstance(fields, dict):
        raise ValueError("expected a manifest as a JSON object")
    return fields


def _layers(fields: object) -> list[_Blob]:
    if not isinstance(fields, list):
        raise ValueError("layers: expected a list")
    return [_blob(layer, f"layers[{position}]") for position, layer in enumerate(fields)]


def _blob(fields: object, at: str) -> _Blob:
    match fields:
        case {"digest": str(digest), "mediaType": str(media_type), "size": int(size)}:
            return _Blob(digest, media_type, size)
    raise ValueError(f"{at}: expected an object with digest, mediaType and size")


def _short(digest: str) -> str:
    return digest.rpartition(":")[2][:12]


def _cell(text: str) -> str:
    return one_line(text, _LONGEST_CELL)


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(lines)
