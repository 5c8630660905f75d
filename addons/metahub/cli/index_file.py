"""An index in a file, or in a pipe.

Knows files. Must not know what becomes of the index.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from metahub.core.distribution import INDEX_TYPES, MAX_MANIFEST_BYTES, OCI_INDEX
from metahub.core.index import MalformedIndexError
from metahub.core.machine import MachineType
from metahub.core.rewrite import Terms, rewrite
from metahub.explaining.explanation import ExplainError, Explanation
from metahub.rules import Rules
from metahub.upstream import ImageReference

STDIN = Path("-")


@dataclass(frozen=True, slots=True)
class IndexFile:
    """An index as it was read, of an image that the rules may know."""

    name: str
    body: bytes
    media_type: str
    image: ImageReference | None

    def explanation(self, machine_type: MachineType, rules: Rules) -> Explanation:
        """What becomes of it for a machine type. Raises ExplainError."""
        terms = self._terms(machine_type, rules)
        image = self.image.name if self.image else self.name
        try:
            answer = rewrite(self.body, self.media_type, image, terms)
        except MalformedIndexError as error:
            raise ExplainError(f"{self.name} is no index: {error}") from error
        return Explanation(machine_type, self.body, answer)

    def _terms(self, machine_type: MachineType, rules: Rules) -> Terms:
        if self.image is None:
            return Terms(machine_type, rules.vocabulary)
        return rules.terms(self.image.name, machine_type, self.image.reference)


def read_index(file: Path, image: str | None, media_type: str | None) -> IndexFile:
    """The index in `file`; it may itself say its type. Raises ExplainError."""
    name = "stdin" if file == STDIN else file.name
    body = _read(file, name)
    stated = _stated_type(body) or _index_type(media_type or OCI_INDEX)
    return IndexFile(name, body, stated, _image(image) if image is not None else None)


def _image(text: str) -> ImageReference:
    try:
        return ImageReference.parse(text)
    except ValueError as error:
        raise ExplainError(f"--image: {error}") from error


def _read(file: Path, name: str) -> bytes:
    try:
        body = _beginning(file)
    except OSError as error:
        raise ExplainError(f"{file} cannot be read: {error.strerror}") from error
    if len(body) > MAX_MANIFEST_BYTES:
        most = f"it has more than the {MAX_MANIFEST_BYTES} bytes that clients take"
        raise ExplainError(f"{name} is no index: {most}")
    return body


def _beginning(file: Path) -> bytes:
    """As much of the file as shows whether it is too large."""
    if file == STDIN:
        return sys.stdin.buffer.read(MAX_MANIFEST_BYTES + 1)
    with file.open("rb") as opened:
        return opened.read(MAX_MANIFEST_BYTES + 1)


def _stated_type(body: bytes) -> str | None:
    """What the index itself says that it is. A body that says nonsense is left to the core."""
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return None
    stated = fields.get("mediaType") if isinstance(fields, dict) else None
    return stated if isinstance(stated, str) and stated in INDEX_TYPES else None


def _index_type(text: str) -> str:
    if text in INDEX_TYPES:
        return text
    expected = " or ".join(sorted(INDEX_TYPES))
    raise ExplainError(f"--media-type: expected {expected}, found {text!r}")
