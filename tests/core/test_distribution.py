"""The /v2/ API as values: paths, tags, media types, and the errors that people read."""

import json

import pytest

from metahub.core.digest import Digest
from metahub.core.distribution import (
    MAX_MESSAGE_BYTES,
    ImageName,
    ManifestPath,
    Reference,
    Tag,
    error_body,
    media_type,
    one_line,
    parse_manifest_path,
    reason_phrase,
)

HEX = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
SHA256 = Digest("sha256", HEX)
SHA512 = Digest("sha512", HEX + HEX)


@pytest.mark.parametrize(
    "path",
    [
        "/v2/qnib/bench/manifests/%6catest?x=%6c",
        "/v2/qnib%2fbench/manifests/latest?x=%6c",
        "/v2/qnib/bench/%6danifests/latest?x=%6c",
        "/%76%32/qnib/bench%2Fmanifests%2Flatest?x=%6c",
    ],
)
def test_a_path_may_be_written_in_other_ways(path: str) -> None:
    """Registries decode it; the query is theirs."""
    usual = "/v2/qnib/bench/manifests/latest?x=%6c"
    assert parse_manifest_path(path) == parse_manifest_path(usual)
    assert str(parse_manifest_path(path)) == usual


@pytest.mark.parametrize(
    ("path", "repository", "reference", "query"),
    [
        ("/v2/qnib/bench/manifests/latest", "qnib/bench", Tag("latest"), ""),
        ("/v2/redis/manifests/7.2-alpine_3", "redis", Tag("7.2-alpine_3"), ""),
        ("/v2/redis/manifests/_A", "redis", Tag("_A"), ""),
        (f"/v2/a/manifests/{'a' * 128}", "a", Tag("a" * 128), ""),
        (f"/v2/a/b/c/manifests/sha256:{HEX}", "a/b/c", SHA256, ""),
        (f"/v2/a/manifests/sha512:{HEX}{HEX}", "a", SHA512, ""),
        (
            "/v2/qnib/bench/manifests/latest?ns=docker.io",
            "qnib/bench",
            Tag("latest"),
            "?ns=docker.io",
        ),
        ("/v2/a/manifests/b?", "a", Tag("b"), "?"),
        ("/v2/a/manifests/b?x=/manifests/c?d", "a", Tag("b"), "?x=/manifests/c?d"),
        ("/v2/a__b/c.d/e--f/0/manifests/b", "a__b/c.d/e--f/0", Tag("b"), ""),
        ("/v2/manifests/manifests/manifests", "manifests", Tag("manifests"), ""),
        ("/v2/v2/blobs/manifests/b", "v2/blobs", Tag("b"), ""),
        (f"/v2/{'a' * 255}/manifests/b", "a" * 255, Tag("b"), ""),
    ],
)
def test_a_path_asks_for_a_manifest(
    path: str, repository: str, reference: Reference, query: str
) -> None:
    """And prints as it came, byte for byte."""
    parsed = parse_manifest_path(path)
    assert parsed == ManifestPath(repository, reference, query)
    assert str(parsed) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "*",
        "/v2",
        "/v2/",
        "/v2/_catalog",
        "/v1/a/manifests/b",
        "v2/a/manifests/b",
        "//v2/a/manifests/b",
        "/v2//a/manifests/b",
        "/v2/a//b/manifests/c",
        "/v2/a/manifests//b",
        "/v2/a/manifests/",
        "/v2/a/manifests",
        "/v2/manifests/b",
        "/v2/a/manifests/b/",
        "/v2/a/manifests/b/c",
        f"/v2/a/blobs/sha256:{HEX}",
        f"/v2/a/referrers/sha256:{HEX}",
        "/v2/a/tags/list",
        "/v2/a/blobs/uploads/?mount=manifests/b",
        "/V2/a/manifests/b",
        "/v2/A/manifests/b",
        "/v2/a/Manifests/b",
        "/v2/../a/manifests/b",
        "/v2/a/../b/manifests/c",
        "/v2/a/manifests/..",
        "/v2/a/manifests/.b",
        "/v2/a/manifests/-b",
        "/v2/a%252Fb/manifests/c",
        "/v2/a/manifests/lat%2565st",
        "/v2/a/manifests/b%3Fc",
        "/v2/a/manifests/%",
        "/v2/a/manifests/%6",
        "/v2/a/manifests/%c3%a4",
        "/v2/a/manifests/%ff",
        "/v2/a/manifests/b%00",
        "/v2/-a/manifests/b",
        "/v2/a-/manifests/b",
        "/v2/a___b/manifests/c",
        "/v2/a..b/manifests/c",
        "/v2/a/manifests/b\n",
        "/v2/a/manifests/b\0",
        "/v2/a/manifests/b?x\n",
        "/v2/a\n/manifests/b",
        "/v2/a/manifests/b c",
        "/v2/a/manifests/b#c",
        "/v2/a;b/manifests/c",
        "/v2/\N{CYRILLIC SMALL LETTER A}/manifests/b",
        "/v2/a/manifests/\N{FULLWIDTH LATIN SMALL LETTER B}",
        f"/v2/{'a' * 256}/manifests/b",
        f"/v2/a/manifests/{'a' * 129}",
        f"/v2/a/manifests/{'a' * 300}",
        f"/v2/a/manifests/sha256:{HEX[:-1]}",
        f"/v2/a/manifests/sha256:{HEX}0",
        f"/v2/a/manifests/sha256:{HEX.upper()}",
        f"/v2/a/manifests/SHA256:{HEX}",
        f"/v2/a/manifests/md5:{HEX[:32]}",
        f"/v2/a/manifests/sha512:{HEX}",
        f"/v2/a/manifests/sha256:{HEX}\n",
        f"/v2/a/manifests/b@sha256:{HEX}",
        "https://reg.test/v2/a/manifests/b",
    ],
)
def test_every_other_path_is_nobodys_business(path: str) -> None:
    """Registries decide what it means; nothing is put right here."""
    assert parse_manifest_path(path) is None


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "path",
    [
        "/v2/" + "a" * 1_000_000 + "!",
        "/v2/" + "a-" * 300_000 + "/manifests/b",
        "/v2/" + "a/" * 300_000,
        "/v2/" + "a__" * 200_000,
        "/v2/" + "manifests/" * 100_000,
        "/v2/a/manifests/sha256:" + "a" * 1_000_000,
    ],
)
def test_a_long_path_takes_no_longer_than_its_length(path: str) -> None:
    """Mitmproxy sets no limit to it; a pattern that tries every split would take for ever."""
    assert parse_manifest_path(path) is None


def test_another_reference_of_the_same_repository() -> None:
    """With the query that the client gave."""
    path = ManifestPath("qnib/bench", Tag("latest"), "?ns=docker.io")
    assert str(path.at(SHA256)) == f"/v2/qnib/bench/manifests/sha256:{HEX}?ns=docker.io"


@pytest.mark.parametrize(
    "name",
    [
        f"sha256-{HEX}",
        f"sha256-{HEX}.sig",
        f"sha256-{HEX}.att",
        f"sha256-{HEX}.sbom",
        f"sha512-{HEX}",
    ],
)
def test_some_tags_name_what_refers_to_a_digest(name: str) -> None:
    """Their indexes are lists of signatures and the like, and no images."""
    assert Tag.parse(name).names_referrers


@pytest.mark.parametrize(
    "name", ["latest", f"sha256-{HEX[:12]}", f"sha384-{HEX}", f"sha256-{HEX}sig", f"x-sha256-{HEX}"]
)
def test_other_tags_name_images(name: str) -> None:
    """A tag that only looks alike is made by a person."""
    assert not Tag.parse(name).names_referrers


@pytest.mark.parametrize("name", ["", ".a", "-a", "a b", "a/b", "a:b", "a\n", "a" * 129, "ä"])
def test_not_every_word_is_a_tag(name: str) -> None:
    """The error shows what was found."""
    with pytest.raises(ValueError, match=r"^expected a tag, found ") as caught:
        Tag.parse(name)
    assert str(caught.value) == f"expected a tag, found {name!r}"


def test_an_image_name_prints_as_people_write_it() -> None:
    """The registry first."""
    assert str(ImageName("reg.test:5000", "qnib/bench")) == "reg.test:5000/qnib/bench"


@pytest.mark.parametrize(
    ("header", "bare"),
    [
        ("application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.index.v1+json"),
        ("Application/JSON; charset=utf-8", "application/json"),
        (" text/html ;q=1;x", "text/html"),
        ("", ""),
        (";", ""),
    ],
)
def test_a_media_type_comes_without_its_parameters(header: str, bare: str) -> None:
    """Registries add a charset now and then."""
    assert media_type(header) == bare


def test_an_error_is_json_that_every_client_shows() -> None:
    """One error, without a detail."""
    body = error_body("DENIED", 'MetaHub: no build of "ü\n" fits')
    assert body == (
        rb'{"errors": [{"code": "DENIED", "message": "MetaHub: no build of \"\\xfc \" fits"}]}'
    )


def test_long_messages_are_cut() -> None:
    """Clients take less than 1 KiB, and a status line has to be shorter still."""
    message = json.loads(error_body("DENIED", "x" * 5_000_000))["errors"][0]["message"]
    assert message == "x" * 997 + "..."
    assert reason_phrase("x" * 5_000_000) == "x" * 297 + "..."


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", ""),
        ("as it is", "as it is"),
        ("ten bytes!", "ten bytes!"),
        ("eleven byte", "eleven ..."),
        ("a\r\nb\tc\x7f\0", "a  b c  "),
        ("\x1b[31m", " [31m"),
        ("ä", "\\xe4"),
        ("ää", "\\xe4\\xe4"),
        ("äää", "\\xe4\\xe..."),
        ("\ud800", "\\ud800"),
        ("\N{SKULL AND CROSSBONES}", "\\u2620"),
    ],
)
def test_one_line_is_short_printable_ascii(text: str, line: str) -> None:
    """Whatever was in it: here at most ten bytes."""
    assert one_line(text, 10) == line


def test_a_message_fits_what_clients_take() -> None:
    """PROTOCOL: one ASCII line below 1 KiB."""
    assert MAX_MESSAGE_BYTES < 1024
