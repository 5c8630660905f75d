"""User-Agents as programs send them, and the products that they name."""

import pytest

from metahub.core.user_agent import parse_product, products_of


@pytest.mark.parametrize(
    ("user_agent", "products"),
    [
        ("cosign/devel (linux; amd64) go-containerregistry", {"cosign", "go-containerregistry"}),
        ("notation/v1.3.2+unreleased", {"notation"}),
        ("oras/1.3.3", {"oras"}),
        ("containerd/2.1.4", {"containerd"}),
        ("Cosign", {"cosign"}),
        ("\tcosign/3  crane/0.20\t", {"cosign", "crane"}),
        (
            "docker/20.10.24+dfsg1 go/go1.19.8 git-commit/5d6db84 kernel/6.1 os/linux arch/amd64 "
            r"UpstreamClient(Docker-Client/20.10.24+dfsg1 \(linux\))",
            {"docker", "go", "git-commit", "kernel", "os", "arch", "upstreamclient"},
        ),
    ],
)
def test_products(user_agent: str, products: set[str]) -> None:
    """Without versions, without comments, in one case."""
    assert products_of(user_agent) == products


@pytest.mark.parametrize(
    "user_agent",
    [
        "",
        " ",
        "cosigner/3",
        "my-cosign/3",
        "not/cosign",
        "cosign/",
        "cosign/3/4",
        "cosign,crane",
        "@cosign",
        "c\N{CYRILLIC SMALL LETTER O}sign/3",
        "docker/20.10 UpstreamClient(cosign/3)",
        "docker/20.10 (cosign/3)",
        "docker/20.10 (a (cosign/3) cosign/3)",
        r"docker/20.10 (a \) cosign/3 )",
        r"docker/20.10 (a \\(b) cosign/3 )",
        "docker/20.10 (cosign/3",
        r"\cosign/3",
        "cosign\\",
    ],
)
def test_who_is_not_cosign(user_agent: str) -> None:
    """A part of a name, a version, what is no name, and what a comment says."""
    assert "cosign" not in products_of(user_agent)


@pytest.mark.parametrize(
    "user_agent", [") cosign/3", "docker (a) (b (c) d) cosign/3", "a(b)cosign"]
)
def test_what_stands_behind_a_comment(user_agent: str) -> None:
    """Is said by the program itself, also where a bracket was never opened."""
    assert "cosign" in products_of(user_agent)


@pytest.mark.parametrize("text", ["cosign", "Cosign", "COSIGN"])
def test_a_product_is_named_in_any_case(text: str) -> None:
    """And found in a User-Agent of another one."""
    assert parse_product(text) in products_of("cosign/3.1.1")


@pytest.mark.parametrize(
    "text", ["", "cosign/3", "cosign 3", "(cosign)", "cosign,notation", "co\n"]
)
def test_what_is_no_name_of_a_product(text: str) -> None:
    """Would be found in no User-Agent."""
    with pytest.raises(ValueError, match=r"^expected the name of a product like cosign, found "):
        parse_product(text)
