"""Whatever a client asks for: a manifest whose path is the same again, or nobody's business."""

from random import Random
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from metahub.core.digest import Digest
from metahub.core.distribution import Tag, parse_manifest_path
from tests.fuzz.examples import fuzzed

NAMES = st.from_regex(r"[a-z0-9]+([._-][a-z0-9]+){0,2}(/[a-z0-9]+){0,3}", fullmatch=True)
TAGS = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,20}", fullmatch=True)
DIGESTS = st.binary(max_size=9).map(Digest.of).map(str)
QUERIES = st.just("") | st.text(st.characters(exclude_characters="\n"), max_size=9).map("?".__add__)
PIECES = st.sampled_from(
    ["/v2/", "/", "//", "..", "%2e%2e", "%2F", "%", "%zz", "manifests", "blobs", "a", "A", "\n",
     "\x00", "?", "#", ":", "sha256:", "sha256:" + "0" * 64, "é", "\udc80", " ", "latest"]
)  # fmt: skip
HOSTILE = st.lists(PIECES | st.text(max_size=3), max_size=9).map("".join)


@fuzzed
@given(
    HOSTILE | st.text() | HOSTILE.map("/v2/a/manifests/".__add__) | st.text().map("/v2/".__add__)
)
def test_any_path_is_a_manifests_or_nobodys(path: str) -> None:
    """What is read is written so that it is read as the same; nothing leads out of /v2/."""
    found = parse_manifest_path(path)
    if found is None:
        return
    assert parse_manifest_path(str(found)) == found
    assert str(found).startswith("/v2/")
    assert not {"..", "", "."} & set(found.repository.split("/"))
    assert str(found).partition("?")[0].isascii()
    assert "\n" not in str(found)


@fuzzed
@given(NAMES, TAGS | DIGESTS, QUERIES, st.randoms(use_true_random=False))
def test_a_manifests_path_is_read_however_it_is_written(
    name: str, reference: str, query: str, random: Random
) -> None:
    """Any letter of it may be percent-encoded."""
    path = f"/v2/{name}/manifests/{reference}"
    written = "".join(_encoded(letter, random) for letter in path)
    found = parse_manifest_path(written + query)
    assert found is not None
    assert str(found) == path + query
    assert isinstance(found.reference, Digest if ":" in reference else Tag)


def _encoded(letter: str, random: Random) -> str:
    is_left = letter == "/" or random.random() < 0.7
    return letter if is_left else f"%{ord(letter):02x}" if letter.isalnum() else quote(letter)
