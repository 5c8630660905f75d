"""Images and indexes as values."""

import gzip
import io
import json
import tarfile
from typing import Any

import pytest

from metahub.core.digest import Digest
from metahub.demo import elf
from metahub.demo.images import (
    DOCKER,
    OCI,
    Blob,
    Build,
    Format,
    image_of,
    index_of,
    program_in,
)

GENERIC = Build("generic")
FAST = Build("fast", ("cpu:skylake",))
FORMATS = pytest.mark.parametrize("image_format", [OCI, DOCKER], ids=["oci", "docker"])


def parsed(blob: Blob) -> Any:
    """The JSON of a blob."""
    return json.loads(blob.content)


def test_a_blob_knows_its_digest_and_descriptor() -> None:
    """The descriptor is what every pointer to the blob says."""
    blob = Blob("text/plain", b"hello")
    assert blob.digest == Digest.of(b"hello")
    assert blob.descriptor == {
        "mediaType": "text/plain",
        "digest": "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
        "size": 5,
    }


@FORMATS
def test_a_manifest_points_to_config_and_layer(image_format: Format) -> None:
    """Digests, sizes and media types are those of the blobs."""
    image = image_of(FAST, image_format)
    assert parsed(image.manifest) == {
        "schemaVersion": 2,
        "mediaType": image_format.manifest,
        "config": image.config.descriptor,
        "layers": [image.layers[0].descriptor],
    }
    assert image.manifest.media_type == image_format.manifest
    assert image.blobs == (image.config, *image.layers)


def test_a_config_names_platform_entry_point_and_the_uncompressed_layer() -> None:
    """`docker run` finds the program, and every runtime can check what it unpacked."""
    image = image_of(Build("slow", architecture="arm64"))
    config = parsed(image.config)
    assert (config["os"], config["architecture"]) == ("linux", "arm64")
    assert config["config"]["Entrypoint"] == ["/bench"]
    archive = gzip.decompress(image.layers[0].content)
    assert config["rootfs"] == {"type": "layers", "diff_ids": [str(Digest.of(archive))]}


def test_a_variant_and_os_features_stand_in_index_and_config() -> None:
    """As BuildKit writes them; MetaHub's features are the index's alone."""
    built = index_of([Build("fast", ("net:ib",), variant="v3", os_features=("gpu:nvidia",))])
    stated = {"architecture": "amd64", "os": "linux", "variant": "v3"}
    stated_features = {"os.features": ["gpu:nvidia"]}
    (entry,) = parsed(built.index)["manifests"]
    assert entry["platform"] == stated | stated_features | {"features": ["net:ib"]}
    assert (stated | stated_features).items() <= parsed(built.images[0].config).items()


def test_a_layer_holds_one_executable_of_root() -> None:
    """Nothing in it tells when, where or by whom it was made."""
    (layer,) = image_of(FAST).layers
    with tarfile.open(fileobj=io.BytesIO(layer.content)) as archive:
        (member,) = archive.getmembers()
    assert (member.name, member.mode, member.uid, member.gid) == ("bench", 0o755, 0, 0)
    assert (member.mtime, member.uname, member.gname) == (0, "", "")
    assert elf.line_of(program_in(layer.content)) == "fast"


@FORMATS
def test_an_index_lists_the_builds_in_their_order(image_format: Format) -> None:
    """Each entry is its manifest's descriptor with a platform; only builds with features say so."""
    built = index_of([GENERIC, FAST], image_format)
    generic, fast = (image.manifest.descriptor for image in built.images)
    assert parsed(built.index) == {
        "schemaVersion": 2,
        "mediaType": image_format.index,
        "manifests": [
            generic | {"platform": {"architecture": "amd64", "os": "linux"}},
            fast
            | {"platform": {"architecture": "amd64", "os": "linux", "features": ["cpu:skylake"]}},
        ],
    }


def test_the_formats_differ_in_media_types_alone() -> None:
    """Config and layer are the same bytes."""
    oci, docker = image_of(GENERIC, OCI), image_of(GENERIC, DOCKER)
    assert [blob.content for blob in oci.blobs] == [blob.content for blob in docker.blobs]
    assert oci.manifest.digest != docker.manifest.digest


def test_the_same_builds_give_the_same_bytes() -> None:
    """For ever and on every machine, so that a digest may stand in a test."""
    assert index_of([GENERIC, FAST]) == index_of([GENERIC, FAST])
    digest = "sha256:8a8d5c761feb30cd53b4c7009fe8a6acb33abae4f5c4aca8e5c9cd73fccea813"
    assert str(index_of([GENERIC, FAST]).index.digest) == digest


def layer_with(name: str) -> bytes:
    """A layer with one empty file."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo(name))
    return content.getvalue()


@pytest.mark.parametrize(
    "layer",
    [b"", b"no archive", gzip.compress(b"no archive"), layer_with("other")],
    ids=["empty", "not-gzip", "not-tar", "another-program"],
)
def test_a_layer_without_the_program_is_an_error(layer: bytes) -> None:
    """The error says what was looked for."""
    with pytest.raises(ValueError, match=r"^no /bench in the layer: "):
        program_in(layer)
