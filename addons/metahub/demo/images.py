"""Container images and indexes as values, built from a line to print: same input, same bytes.

Knows the OCI and Docker formats of layer, config, manifest and index; must not know where they go.
"""

import gzip
import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from metahub.core.digest import Digest
from metahub.core.distribution import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from metahub.demo import elf

type Json = Mapping[str, object]

PROGRAM = "bench"
OPERATING_SYSTEM = "linux"
CREATED = "1970-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Format:
    """The media types of one of the two ways to write an image."""

    index: str
    manifest: str
    config: str
    layer: str


OCI = Format(
    index=OCI_INDEX,
    manifest=OCI_MANIFEST,
    config="application/vnd.oci.image.config.v1+json",
    layer="application/vnd.oci.image.layer.v1.tar+gzip",
)
DOCKER = Format(
    index=DOCKER_LIST,
    manifest=DOCKER_MANIFEST,
    config="application/vnd.docker.container.image.v1+json",
    layer="application/vnd.docker.image.rootfs.diff.tar.gzip",
)


@dataclass(frozen=True, slots=True)
class Blob:
    """Content with its media type; `digest` is sha256 over the content."""

    media_type: str
    content: bytes

    @property
    def digest(self) -> Digest:
        """What a registry keeps it under."""
        return Digest.of(self.content)

    @property
    def descriptor(self) -> dict[str, object]:
        """The OCI descriptor that points to it."""
        return {
            "mediaType": self.media_type,
            "digest": str(self.digest),
            "size": len(self.content),
        }


@dataclass(frozen=True, slots=True)
class Build:
    """One way that an image was built: what it prints, and what an index says that it requires."""

    line: str
    features: tuple[str, ...] = ()
    architecture: str = "amd64"
    variant: str = ""
    os_features: tuple[str, ...] = ()

    @property
    def target(self) -> dict[str, object]:
        """What index and config both say of where it runs; nothing of what it says nothing about.

        https://github.com/opencontainers/image-spec/blob/v1.1.0/config.md#properties
        """
        target: dict[str, object] = {"architecture": self.architecture, "os": OPERATING_SYSTEM}
        more = {"variant": self.variant, "os.features": list(self.os_features)}
        return target | {name: value for name, value in more.items() if value}

    @property
    def platform(self) -> dict[str, object]:
        """The platform of its entry; without features it has no such field, as in older indexes."""
        return self.target | ({"features": list(self.features)} if self.features else {})


@dataclass(frozen=True, slots=True)
class Image:
    """A manifest and all that it points to."""

    manifest: Blob
    config: Blob
    layers: tuple[Blob, ...]

    @property
    def blobs(self) -> tuple[Blob, ...]:
        """What has to be in the registry before the manifest."""
        return (self.config, *self.layers)


@dataclass(frozen=True, slots=True)
class IndexedImages:
    """An index and the images of its entries, in its order."""

    index: Blob
    images: tuple[Image, ...]


def image_of(build: Build, image_format: Format = OCI) -> Image:
    """An image of one layer with one program, which is the entry point and prints the line."""
    archive = _archive(elf.executable(build.line, build.architecture))
    layer = Blob(image_format.layer, _compressed(archive))
    config = Blob(image_format.config, _json(_config(build, archive)))
    manifest = Blob(image_format.manifest, _json(_manifest(image_format, config, layer)))
    return Image(manifest, config, (layer,))


def index_of(builds: Iterable[Build], image_format: Format = OCI) -> IndexedImages:
    """An index with an entry for each build, in their order, and the images."""
    builds = tuple(builds)
    images = tuple(image_of(build, image_format) for build in builds)
    entries = [
        image.manifest.descriptor | {"platform": build.platform}
        for build, image in zip(builds, images, strict=True)
    ]
    index = {"schemaVersion": 2, "mediaType": image_format.index, "manifests": entries}
    return IndexedImages(Blob(image_format.index, _json(index)), images)


def program_in(layer: bytes) -> bytes:
    """The program in a layer of `image_of`. Raises ValueError if there is none."""
    try:
        with tarfile.open(fileobj=io.BytesIO(layer), mode="r:gz") as archive:
            member = archive.extractfile(PROGRAM)
            return member.read() if member else b""
    except (tarfile.TarError, KeyError, OSError) as error:
        raise ValueError(f"no /{PROGRAM} in the layer: {error}") from error


def _archive(program: bytes) -> bytes:
    member = tarfile.TarInfo(PROGRAM)  # owner root, modified in 1970
    member.size, member.mode = len(program), 0o755
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        archive.addfile(member, io.BytesIO(program))
    return content.getvalue()


def _compressed(archive: bytes) -> bytes:
    """Gzip without compression: the bytes that zlib compresses to differ between its versions."""
    content = io.BytesIO()
    with gzip.GzipFile("", "wb", compresslevel=0, fileobj=content, mtime=0) as stream:
        stream.write(archive)
    return content.getvalue()


def _config(build: Build, archive: bytes) -> Json:
    return {
        "created": CREATED,
        **build.target,
        "config": {"Entrypoint": [f"/{PROGRAM}"], "WorkingDir": "/"},
        "rootfs": {"type": "layers", "diff_ids": [str(Digest.of(archive))]},
        "history": [{"created": CREATED, "created_by": "metahub demo"}],
    }


def _manifest(image_format: Format, config: Blob, layer: Blob) -> Json:
    return {
        "schemaVersion": 2,
        "mediaType": image_format.manifest,
        "config": config.descriptor,
        "layers": [layer.descriptor],
    }


def _json(value: Json) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
