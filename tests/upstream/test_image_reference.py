"""How people write an image."""

import pytest

from metahub.upstream import ImageReference

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("ubuntu", "docker.io/library/ubuntu:latest"),
        ("ubuntu:24.04", "docker.io/library/ubuntu:24.04"),
        ("qnib/bench", "docker.io/qnib/bench:latest"),
        ("docker.io/ubuntu", "docker.io/library/ubuntu:latest"),
        ("docker.io/qnib/bench:v1", "docker.io/qnib/bench:v1"),
        ("index.docker.io/qnib/bench", "docker.io/qnib/bench:latest"),
        ("ghcr.io/a/b/c", "ghcr.io/a/b/c:latest"),
        ("GHCR.io/a/b", "ghcr.io/a/b:latest"),
        ("localhost/bench", "localhost/bench:latest"),
        ("localhost:5000/bench:v1", "localhost:5000/bench:v1"),
        ("localhost:5000", "docker.io/library/localhost:5000"),
        ("[::1]:5000/bench", "[::1]:5000/bench:latest"),
        (f"qnib/bench@{DIGEST}", f"docker.io/qnib/bench@{DIGEST}"),
        (f"qnib/bench:v1@{DIGEST}", f"docker.io/qnib/bench@{DIGEST}"),
    ],
)
def test_an_image_is_read_as_docker_does(written: str, meant: str) -> None:
    """With the registry, the library and the tag that it adds."""
    read = ImageReference.parse(written)
    assert str(read) == meant
    assert ImageReference.parse(meant) == read


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("", ""),
        (":v1", ""),
        ("bench:", ""),
        ("bench@", ""),
        ("bench@sha256:abc", ""),
        (f"bench:-@{DIGEST}", ""),
        ("qnib/bench:-v1", ""),
        ("qnib//bench", ""),
        ("qnib/be nch", ""),
        ("qnib/bench?x", ""),
        ("localhost:99999/bench", ""),
        ("docker.io/", ""),
        ("ghcr.io/Qnib/Bench", "; did you mean 'ghcr.io/qnib/bench'?"),
        (" qnib/bench ", "; did you mean 'qnib/bench'?"),
        ("docker://ghcr.io/a/b", "; did you mean 'ghcr.io/a/b'?"),
        ("https://ghcr.io/a/b", "; did you mean 'ghcr.io/a/b'?"),
        ("a\x1b[2J", ""),
    ],
)
def test_what_is_no_image_is_told(written: str, hint: str) -> None:
    """With what is likely meant."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole sentence follows
        ImageReference.parse(written)
    expected = "expected an image like docker.io/qnib/bench:latest"
    assert str(caught.value) == f"{expected}, found {written!r}{hint}"
