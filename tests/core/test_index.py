"""bytes <-> index: what is read, what survives, and where each mistake is found."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metahub.core.digest import Digest
from metahub.core.distribution import (
    DOCKER_LIST,
    MAX_MANIFEST_BYTES,
    OCI_INDEX,
    OCI_MANIFEST,
)
from metahub.core.index import (
    MAX_NESTING,
    REFERENCE_DIGEST,
    REFERENCE_TYPE,
    Index,
    MalformedIndexError,
    parse_index,
)
from metahub.core.machine import Platform
from tests.core.indexes import as_bytes, attestation, digest_of, entry, index

# As Docker Hub serves it: library/hello-world, cut to two of its platforms and an attestation.
HELLO_WORLD = b"""{
  "manifests": [
    {
      "annotations": {
        "com.docker.official-images.bashbrew.arch": "amd64",
        "org.opencontainers.image.base.name": "scratch",
        "org.opencontainers.image.version": "linux"
      },
      "digest": "sha256:03b62250a3cb1abd125271d393fc08bf0cc713391eda6b57c02d1ef85efcc25c",
      "mediaType": "application/vnd.oci.image.manifest.v1+json",
      "platform": {"architecture": "amd64", "os": "linux"},
      "size": 1035
    },
    {
      "annotations": {
        "com.docker.official-images.bashbrew.arch": "amd64",
        "vnd.docker.reference.digest":
          "sha256:03b62250a3cb1abd125271d393fc08bf0cc713391eda6b57c02d1ef85efcc25c",
        "vnd.docker.reference.type": "attestation-manifest"
      },
      "digest": "sha256:579b3724a7b189f6dca599a46f16d801a43d5def185de0b7bcd5fb9d1e312c27",
      "mediaType": "application/vnd.oci.image.manifest.v1+json",
      "platform": {"architecture": "unknown", "os": "unknown"},
      "size": 840
    },
    {
      "digest": "sha256:b836bb24a270b9cc935962d8228517fde0f16990e88893d935efcb1b14c0017a",
      "mediaType": "application/vnd.oci.image.manifest.v1+json",
      "platform": {"architecture": "arm", "os": "linux", "variant": "v5"},
      "size": 1039
    }
  ],
  "mediaType": "application/vnd.oci.image.index.v1+json",
  "schemaVersion": 2
}"""


def test_an_index_is_read() -> None:
    """What choosing needs, of each entry."""
    parsed = parse_index(HELLO_WORLD, OCI_INDEX)
    image, proof, other = parsed.entries
    assert parsed.media_type == OCI_INDEX
    assert str(image.digest).startswith("sha256:03b62250")
    assert [found.platform for found in parsed.entries] == [
        Platform("linux", "amd64"),
        Platform("unknown", "unknown"),
        Platform("linux", "arm", "v5"),
    ]
    assert [found.is_image for found in parsed.entries] == [True, False, True]
    assert [found.attests for found in parsed.entries] == [None, image.digest, None]
    assert [found.variant for found in parsed.entries] == ["", "", "v5"]
    assert proof.media_type == OCI_MANIFEST
    assert image.annotations["org.opencontainers.image.version"] == "linux"
    assert (other.features, other.os_features, other.annotations) == ((), (), {})


def test_an_index_is_written_in_one_way() -> None:
    """Without spaces, as ASCII, every field in its place."""
    written = parse_index(HELLO_WORLD, OCI_INDEX).serialize()
    assert written == json.dumps(json.loads(HELLO_WORLD), separators=(",", ":")).encode()
    assert parse_index(written, OCI_INDEX).serialize() == written


@pytest.mark.parametrize(
    "body",
    [
        b'{"manifests":[]}',
        b'{"manifests":null}',
        b'\n {"manifests" : [ ] }\r\n',
        b'{"schemaVersion":1,"manifests":[],"mediaType":null,"annotations":null}',
        b'{"manifests":[],"annotations":{"a":null,"b":"c"}}',
        b'{"manifests":[],"subject":7,"config":true}',
    ],
)
def test_an_index_may_be_empty(body: bytes) -> None:
    """What is not needed to choose is not looked at; null is as good as absent."""
    parsed = parse_index(body, OCI_INDEX)
    assert parsed.entries == ()
    assert json.loads(parsed.serialize()) == json.loads(body)


def test_an_entry_needs_no_platform() -> None:
    """Nor anything else that its manifest can say."""
    body = as_bytes(
        {"manifests": [{"mediaType": "x/y", "digest": digest_of("a"), "size": 0, "platform": None}]}
    )
    [parsed] = parse_index(body, DOCKER_LIST).entries
    assert parsed.platform is None
    assert (parsed.digest, parsed.media_type) == (Digest.of(b"a"), "x/y")
    assert not parsed.is_image


def image_with(**fields: object) -> dict[str, Any]:
    """An image's entry with these fields."""
    return entry("a") | fields


@pytest.mark.parametrize(
    "made",
    [
        entry("a"),
        entry("a", platform="windows/amd64"),
        image_with(artifactType=None),
        image_with(annotations={"org.example": "x"}),
        image_with(annotations={REFERENCE_DIGEST: digest_of("b")}),
        image_with(platform={"os": "linux", "architecture": ""}),
    ],
)
def test_an_entry_is_an_image(made: dict[str, Any]) -> None:
    """A client may choose it."""
    [parsed] = parse_index(as_bytes(index(made)), OCI_INDEX).entries
    assert parsed.is_image


@pytest.mark.parametrize(
    "made",
    [
        attestation("a", of="b"),
        image_with(annotations={REFERENCE_TYPE: "attestation-manifest"}),
        image_with(platform=None),
        image_with(platform={}),
        image_with(platform={"architecture": "amd64"}),
        image_with(platform={"os": "unknown", "architecture": "amd64"}),
        image_with(artifactType="application/vnd.example.sbom"),
        image_with(artifactType=""),
        image_with(mediaType=OCI_INDEX),
        image_with(mediaType="application/vnd.docker.distribution.manifest.v1+prettyjws"),
        image_with(mediaType=OCI_MANIFEST.upper()),
    ],
)
def test_an_entry_is_no_image(made: dict[str, Any]) -> None:
    """A nested index, an artifact, an attestation, and what says nothing of a platform."""
    [parsed] = parse_index(as_bytes(index(made)), OCI_INDEX).entries
    assert not parsed.is_image


@pytest.mark.parametrize(
    ("annotations", "attested"),
    [
        ({REFERENCE_TYPE: "attestation-manifest", REFERENCE_DIGEST: digest_of("b")}, True),
        ({REFERENCE_TYPE: "", REFERENCE_DIGEST: digest_of("b")}, True),
        ({REFERENCE_DIGEST: digest_of("b")}, False),
        ({REFERENCE_TYPE: "attestation-manifest"}, False),
        ({REFERENCE_TYPE: "attestation-manifest", REFERENCE_DIGEST: "b"}, False),
        (None, False),
    ],
)
def test_an_attestation_names_its_manifest(annotations: object, attested: bool) -> None:
    """As BuildKit writes it."""
    [parsed] = parse_index(as_bytes(index(image_with(annotations=annotations))), OCI_INDEX).entries
    assert parsed.attests == (Digest.of(b"b") if attested else None)


@pytest.mark.parametrize(
    ("fields", "about"),
    [
        ({}, False),
        ({"subject": None, "artifactType": None}, False),
        ({"subject": {"digest": digest_of("a")}}, True),
        ({"artifactType": "application/vnd.example"}, True),
        ({"artifactType": ""}, True),
    ],
)
def test_some_indexes_belong_to_an_image(fields: dict[str, Any], about: bool) -> None:
    """Lists of referrers and artifacts are no images to choose from."""
    parsed = parse_index(as_bytes(index(entry("a"), **fields)), OCI_INDEX)
    assert parsed.is_about_an_image is about


def test_fields_of_a_platform_go() -> None:
    """All others stay, in their order; without such a field the entry is the same."""
    made = entry("a", "cpu:x", platform="linux/amd64/v3", **{"x": 1, "os.features": ["y"]})
    [parsed] = parse_index(as_bytes(index(made)), OCI_INDEX).entries
    left = parsed.without_platform_fields({"variant", "os.features"})
    assert list(left.fields["platform"]) == ["architecture", "os", "features", "x"]
    assert (left.variant, left.os_features, left.features) == ("", (), ("cpu:x",))
    assert list(left.fields) == list(parsed.fields)
    assert left.without_platform_fields({"variant", "os.features"}) is left


def test_features_of_a_platform_are_added() -> None:
    """Behind those that are there; without any to add the entry is the same."""
    [parsed] = parse_index(as_bytes(index(entry("a", "cpu:x"))), OCI_INDEX).entries
    more = parsed.with_features(["y", "z"])
    assert more.features == ("cpu:x", "y", "z")
    assert list(more.fields["platform"]) == list(parsed.fields["platform"])
    assert parsed.with_features([]) is parsed


def test_annotations_are_added_to_an_oci_index_only() -> None:
    """A Docker manifest list has no place for them."""
    oci = parse_index(as_bytes(index(annotations={"a": "1", "b": "2"}, x=3)), OCI_INDEX)
    assert json.loads(oci.annotated({"b": "3", "c": "4"}).serialize())["annotations"] == {
        "a": "1",
        "b": "3",
        "c": "4",
    }
    docker = parse_index(as_bytes(index(media_type=DOCKER_LIST)), DOCKER_LIST)
    assert docker.annotated({"a": "1"}) is docker


NO_NAME = "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"
NOT_UTF_8 = "'utf-8' codec can't decode byte"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "Expecting value: line 1 column 1 (char 0)"),
        (b"<html>", "Expecting value: line 1 column 1 (char 0)"),
        (b"{", NO_NAME),
        (b"{'a':1}", NO_NAME),
        (b"{}{}", "Extra data: line 1 column 3 (char 2)"),
        (b'{"a":"\n"}', "Invalid control character at: line 1 column 7 (char 6)"),
        (
            b'\xef\xbb\xbf{"manifests":[]}',
            "Unexpected UTF-8 BOM (decode using utf-8-sig): line 1 column 1 (char 0)",
        ),
        (b'{"a":"\xff"}', f"{NOT_UTF_8} 0xff in position 6: invalid start byte"),
        (b'"\xed\xa0\x80"', f"{NOT_UTF_8} 0xed in position 1: invalid continuation byte"),
        ("{}".encode("utf-16"), f"{NOT_UTF_8} 0xff in position 0: invalid start byte"),
        ("{}".encode("utf-16-le"), NO_NAME),
    ],
)
def test_what_is_no_json_is_told(body: bytes, reason: str) -> None:
    """JSON on the wire is UTF-8 without a mark (RFC 8259, section 8.1)."""
    assert mistake(body) == f"not JSON: {reason}"


def mistake(body: bytes) -> str:
    """The sentence for a body that is no index."""
    with pytest.raises(MalformedIndexError) as caught:
        parse_index(body, OCI_INDEX)
    return str(caught.value)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (b"NaN", "NaN is not a number that JSON knows"),
        (b"Infinity", "Infinity is not a number that JSON knows"),
        (b"-Infinity", "-Infinity is not a number that JSON knows"),
        (b"1e999", "1e999 is not a number that JSON knows"),
        (b"-1e999", "-1e999 is not a number that JSON knows"),
        (b"9" * 400 + b".0", "9" * 40 + " is not a number that JSON knows"),
        (b"1" * 641, "1" * 40 + "... is a number of more than 640 digits"),
        (b"-" + b"1" * 5000, "-" + "1" * 39 + "... is a number of more than 640 digits"),
        (b'{"b":1,"c":2,"b":1}', "the key 'b' stands twice in one object"),
        (b'{"b":1,"\\u0062":1}', "the key 'b' stands twice in one object"),
        (b'{"\\ud800\\n":1,"\\ud800\\n":1}', "the key '\\\\ud800 ' stands twice in one object"),
    ],
)
def test_what_readers_of_json_differ_on_is_told(value: bytes, message: str) -> None:
    """A client might see another index than we do."""
    assert mistake(b'{"manifests":[],"a":' + value + b"}") == message


def test_numbers_are_kept() -> None:
    """However large, and with as much of a fraction as a client reads."""
    body = b'{"manifests":[],"a":[' + b"9" * 640 + b",-0.5,1e+22,9007199254740993]}"
    assert parse_index(body, OCI_INDEX).serialize() == body


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "expected a JSON object, found null"),
        (True, "expected a JSON object, found true or false"),
        (1, "expected a JSON object, found a whole number"),
        (1.5, "expected a JSON object, found a number"),
        ("index", "expected a JSON object, found a string"),
        ([], "expected a JSON object, found a list"),
        ({}, "manifests is missing"),
        ({"Manifests": []}, "manifests is missing"),
        ({"manifests": {}}, "manifests: expected a list, found an object"),
        ({"manifests": "x"}, "manifests: expected a list, found a string"),
        ({"manifests": False}, "manifests: expected a list, found true or false"),
        ({"manifests": [None]}, "manifests[0]: expected an object, found null"),
        ({"manifests": [entry("a"), []]}, "manifests[1]: expected an object, found a list"),
        ({"manifests": [{}]}, "manifests[0].size is missing"),
        (index(mediaType=2), "mediaType: expected a string, found a whole number"),
        (index(mediaType=""), f"mediaType: expected {OCI_INDEX}, found ''"),
        (index(mediaType=DOCKER_LIST), f"mediaType: expected {OCI_INDEX}, found '{DOCKER_LIST}'"),
        (index(annotations=[]), "annotations: expected an object of strings"),
        (index(annotations={"a": 1}), "annotations: expected an object of strings"),
        (index(annotations={"a": [None]}), "annotations: expected an object of strings"),
    ],
)
def test_a_mistake_in_an_index_is_told_with_its_place(value: object, message: str) -> None:
    """One sentence for the log, whatever upstream sent."""
    assert mistake(as_bytes(value)) == message


A_DIGEST = "expected a digest like sha256:<64 hex digits>, found"
OF_STRINGS = "expected an object of strings"


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("digest", None, " is missing"),
        ("mediaType", None, " is missing"),
        ("size", None, " is missing"),
        ("digest", 7, ": expected a digest, found a whole number"),
        ("digest", ["sha256"], ": expected a digest, found a list"),
        ("digest", "latest", f": {A_DIGEST} 'latest'"),
        ("digest", "sha256:\n", f": {A_DIGEST} 'sha256:\\n'"),
        ("digest", digest_of("a").upper(), f": {A_DIGEST} '{digest_of('a').upper()}'"),
        ("mediaType", {}, ": expected a string, found an object"),
        ("size", "7", ": expected a whole number, found a string"),
        ("size", 7.0, ": expected a whole number, found a number"),
        ("size", True, ": expected a whole number, found true or false"),
        ("size", -1, ": expected a number of bytes, found less than none"),
        ("annotations", "x", f": {OF_STRINGS}"),
        ("annotations", [["a", "b"]], f": {OF_STRINGS}"),
        ("annotations", {"a": ["b"]}, f": {OF_STRINGS}"),
        ("platform", "linux/amd64", ": expected an object, found a string"),
        ("platform", [], ": expected an object, found a list"),
        ("platform", 0, ": expected an object, found a whole number"),
    ],
)
def test_a_mistake_in_an_entry_is_told_with_its_place(
    field: str, value: object, message: str
) -> None:
    """A field that is null is missing."""
    body = as_bytes({"manifests": [entry("a"), image_with(**{field: value})]})
    assert mistake(body) == f"manifests[1].{field}{message}"


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("os", 7, "expected a string, found a whole number"),
        ("architecture", [], "expected a string, found a list"),
        ("variant", 3, "expected a string, found a whole number"),
        ("os.version", 10.5, "expected a string, found a number"),
        ("features", "cpu:broadwell", "expected a list of strings"),
        ("features", {"cpu": "broadwell"}, "expected a list of strings"),
        ("features", ["cpu:broadwell", None], "expected a list of strings"),
        ("os.features", [["win32k"]], "expected a list of strings"),
    ],
)
def test_a_mistake_in_a_platform_is_told_with_its_place(
    field: str, value: object, message: str
) -> None:
    """Also in the entries that are no images: there may be one that a client takes for one."""
    proof = attestation("b", of="a")
    proof["platform"] |= {field: value}
    body = as_bytes({"manifests": [entry("a"), proof]})
    assert mistake(body) == f"manifests[1].platform.{field}: {message}"


def test_an_index_is_of_a_type_that_is_one() -> None:
    """Whoever asks reads the Content-Type first."""
    with pytest.raises(MalformedIndexError, match=r"^mediaType: expected x/y, found 'x/y'$"):
        parse_index(b'{"manifests":[]}', "x/y")


def nested(levels: int, opening: bytes, closing: bytes) -> bytes:
    """An index with an unknown field of so many levels, itself included."""
    inside = levels - 1
    return b'{"manifests":[],"x":' + opening * inside + b"1" + closing * inside + b"}"


BRACKETS = [(b"[", b"]"), (b'{"a":', b"}"), (b'{"a":[', b"]}")]


@pytest.mark.parametrize(("opening", "closing"), BRACKETS[:2])
def test_an_index_may_nest(opening: bytes, closing: bytes) -> None:
    """Deeper than any does."""
    body = nested(MAX_NESTING, opening, closing)
    assert parse_index(body, OCI_INDEX).serialize() == body


@pytest.mark.parametrize("levels", [MAX_NESTING + 1, 1_000, 10_000, 200_000])
@pytest.mark.parametrize(("opening", "closing"), BRACKETS)
def test_an_index_may_not_nest_without_end(levels: int, opening: bytes, closing: bytes) -> None:
    """Python's own limit differs between versions, and the stack has an end."""
    assert mistake(nested(levels, opening, closing)) == "nested deeper than 100 levels"


def test_brackets_in_strings_do_not_nest() -> None:
    """Nor do those after an escaped quote."""
    body = as_bytes({"manifests": [], "x": ["[" * 1000, '"[{\\' * 1000, "\\"]})
    assert json.loads(parse_index(body, OCI_INDEX).serialize())["x"][0] == "[" * 1000


def test_an_index_may_be_as_large_as_clients_take() -> None:
    """And not a byte larger: that is told before it is read."""
    body = b'{"manifests":[],"x":"' + b"x" * (MAX_MANIFEST_BYTES - 23) + b'"}'
    assert parse_index(body, OCI_INDEX).serialize() == body
    more = "more than the 4194304 that clients take"
    assert mistake(body + b" ") == f"4194305 bytes, {more}"
    assert mistake(bytes(5 * 1024 * 1024)) == f"5242880 bytes, {more}"


def full(unit: bytes) -> bytes:
    """As much of it as an index may have."""
    return unit * (MAX_MANIFEST_BYTES // len(unit))


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "body",
    [
        full(b'"'),
        b'"' + full(b'\\"')[2:],
        full(b"\\"),
        b"{" + b",".join(b'"%d":0' % number for number in range(100_000)) + b',"99999":0}',
        b'{"manifests":[' + b",".join([b"{}"] * 100_000) + b"]}",
        b'{"a":' + b"1" * 4_000_000 + b"}",
        b'{"a":1' + b"0" * 4_000_000 + b".5}",
    ],
    ids=range(7),
)
def test_malice_takes_no_longer_than_its_length(body: bytes) -> None:
    """At 4 MiB anything that grows with the square of it takes for ever."""
    assert len(mistake(body)) < 300


# Everything that can be said in JSON, and some that cannot.
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=8)
    | st.sampled_from(
        [OCI_INDEX, OCI_MANIFEST, digest_of("a"), "linux", "amd64", "v3", "unknown", 10**400]
    )
)
KEYS = st.sampled_from(
    ["manifests", "mediaType", "annotations", "digest", "size", "platform", "os", "architecture",
     "variant", "features", "os.features", "os.version", "subject", "artifactType", REFERENCE_TYPE]
)  # fmt: skip
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(), inner, max_size=5)
    ),
    max_leaves=12,
)
PLATFORMS = st.fixed_dictionaries(
    {"os": st.just("linux"), "architecture": st.just("amd64")},
    optional={"variant": ANYTHING, "features": ANYTHING, "os.features": ANYTHING, "x": ANYTHING},
)
ENTRIES = st.fixed_dictionaries(
    {
        "mediaType": st.just(OCI_MANIFEST),
        "digest": st.sampled_from([digest_of("a"), digest_of("b")]),
        "size": st.integers(),
    },
    optional={"platform": PLATFORMS | ANYTHING, "annotations": ANYTHING, "artifactType": ANYTHING},
)
ALMOST_INDEXES = st.fixed_dictionaries(
    {"manifests": st.lists(ENTRIES | ANYTHING, max_size=3)},
    optional={"mediaType": st.just(OCI_INDEX) | ANYTHING, "annotations": ANYTHING, "x": ANYTHING},
)


def read(body: bytes) -> Index | str:
    """The index, or what is wrong with it."""
    try:
        return parse_index(body, OCI_INDEX)
    except MalformedIndexError as error:
        return str(error)


def assert_index_or_malformed(body: bytes) -> None:
    """Whatever the body is: it is an index that can be written and read again, or malformed."""
    found = read(body)
    if isinstance(found, str):
        assert found.isascii()
        assert found.isprintable()
        assert 0 < len(found) < 400
        return
    written = found.serialize()
    assert parse_index(written, OCI_INDEX).serialize() == written
    assert json.loads(written) == json.loads(body)


@settings(max_examples=50)
@given(ALMOST_INDEXES | ANYTHING)
def test_any_json_is_an_index_or_malformed(value: object) -> None:
    """Never another error, and nothing is lost of what is one."""
    assert_index_or_malformed(json.dumps(value, ensure_ascii=True).encode())


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_are_an_index_or_malformed(body: bytes) -> None:
    """Upstream may be anything that answers."""
    assert_index_or_malformed(body)


@given(st.data())
def test_any_damage_is_an_index_or_malformed(data: st.DataObject) -> None:
    """A real index of which some bytes were lost or changed on the way."""
    start = data.draw(st.integers(0, len(HELLO_WORLD)))
    end = data.draw(st.integers(start, len(HELLO_WORLD)))
    put = data.draw(
        st.binary(max_size=4) | st.sampled_from([b'"', b"[", b"]", b"{", b"}", b",", b"0"])
    )
    assert_index_or_malformed(HELLO_WORLD[:start] + put + HELLO_WORLD[end:])
