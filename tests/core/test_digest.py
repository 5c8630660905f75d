"""Digests: what is one, what is not, and what they verify."""

import pytest

from metahub.core.digest import Digest

# Known from FIPS 180-2: the digests of nothing, and of `abc`.
EMPTY = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
ABC = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
ABC_512 = (
    "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
)


@pytest.mark.parametrize(("content", "digest"), [(b"", EMPTY), (b"abc", ABC)])
def test_a_digest_is_made_from_content(content: bytes, digest: str) -> None:
    """Always with sha256, as registries and clients expect."""
    assert str(Digest.of(content)) == digest


@pytest.mark.parametrize("text", [EMPTY, ABC, ABC_512])
def test_a_digest_prints_as_it_was_read(text: str) -> None:
    """Both registered algorithms are known."""
    assert str(Digest.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha256:",
        "sha256",
        ABC[:-1],
        ABC + "0",
        ABC.upper(),
        ABC.replace("ba78", "BA78"),
        ABC.replace("ba78", "ga78"),
        ABC.replace("sha256", "sha512"),
        ABC_512.replace("sha512", "sha256"),
        ABC.replace("sha256", "md5"),
        ABC.replace("sha256", "blake3"),
        ABC.replace(":", "-"),
        ABC.replace("sha256", "sha256+b64u"),
        f" {ABC}",
        f"{ABC}\n",
        f"{ABC}\0",
        f"{ABC}@{ABC}",
        ABC.replace("0", "\N{ARABIC-INDIC DIGIT ZERO}"),
    ],
)
def test_anything_else_is_no_digest(text: str) -> None:
    """The error shows what was found, and what a digest looks like."""
    with pytest.raises(ValueError, match=r"^expected a digest like ") as caught:
        Digest.parse(text)
    assert (
        str(caught.value) == f"expected a digest like sha256:<64 hex digits>, found {text[:160]!r}"
    )


def test_the_error_does_not_repeat_a_novel() -> None:
    """Whoever asks for 60 kB of digest gets one line back."""
    with pytest.raises(ValueError, match=r"^expected a digest like ") as caught:
        Digest.parse("sha256:" + "0" * 60_000)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    ("digest", "content", "verifies"),
    [
        (ABC, b"abc", True),
        (ABC_512, b"abc", True),
        (EMPTY, b"", True),
        (ABC, b"abc\n", False),
        (ABC_512, b"ABC", False),
        (EMPTY, b"abc", False),
    ],
)
def test_a_digest_verifies_only_its_content(digest: str, content: bytes, verifies: bool) -> None:
    """With the algorithm that it names."""
    assert Digest.parse(digest).verifies(content) is verifies


def test_the_short_form_is_for_people() -> None:
    """As `docker images` prints it."""
    assert Digest.parse(ABC).short == "ba7816bf8f01"
