"""An index, made again of the entries that a decision tells of.

Knows what a decision keeps of an entry. Must not know what fits.
"""

import json
import re
from collections.abc import Iterable

from metahub.core.content import Content
from metahub.core.distribution import OCI_INDEX, OCI_MANIFEST
from metahub.core.judgement import Judged

# As `Platform` prints itself.
_PLATFORM = re.compile(
    r"(?P<os>[^/]+)/(?P<architecture>[^/ ]+)(?:/(?P<variant>[^/ ]+))?(?: \((?P<version>.*)\))?"
)
_NO_SYSTEM = "unknown"


def rebuilt_index(entries: Iterable[Judged]) -> Content | None:
    """An index from which the same entries are chosen; None where there is no image among them.

    What belongs to an image, and is none itself, is not in it: it goes with its image.
    """
    manifests = [entry for judged in entries if (entry := _entry(judged))]
    if not manifests:
        return None
    fields = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}
    return Content(OCI_INDEX, json.dumps(fields).encode("ascii"))


def _entry(judged: Judged) -> dict[str, object] | None:
    match = _PLATFORM.fullmatch(judged.platform)
    if match is None or match["os"] == _NO_SYSTEM:
        return None
    platform = {
        "os": match["os"],
        "architecture": match["architecture"],
        "variant": match["variant"],
        "os.version": match["version"],
        "features": list(judged.requires),
    }
    digest = str(judged.digest)
    return {"mediaType": OCI_MANIFEST, "digest": digest, "size": 0, "platform": platform}
