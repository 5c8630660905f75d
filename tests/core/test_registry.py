"""Registries: how they are written, and which connections reach them."""

import pytest

from metahub.core.registry import Registries, Registry, api_host


@pytest.mark.parametrize(
    ("text", "registry"),
    [
        ("ghcr.io", Registry("ghcr.io", "ghcr.io")),
        (
            "Registry.Example.com:5000",
            Registry("registry.example.com:5000", "registry.example.com", 5000),
        ),
        ("reg", Registry("reg", "reg")),
        ("192.0.2.1:65535", Registry("192.0.2.1:65535", "192.0.2.1", 65535)),
        ("[2001:DB8::1]:5000", Registry("[2001:db8::1]:5000", "2001:db8::1", 5000)),
        ("[::1]", Registry("[::1]", "::1")),
        ("[2001:0db8:0::0:01]", Registry("[2001:db8::1]", "2001:db8::1")),
        ("ghcr.io:0443", Registry("ghcr.io:443", "ghcr.io", 443)),
    ],
)
def test_a_registry_is_a_host_and_perhaps_a_port(text: str, registry: Registry) -> None:
    """In lower case, as image names have it."""
    assert Registry.parse(text) == registry


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ghcr.io",
        "ghcr.io/",
        "ghcr.io/qnib",
        "https://ghcr.io",
        "ghcr.io:",
        "ghcr.io:0",
        "ghcr.io:65536",
        "ghcr.io:443x",
        "ghcr.io:123456",
        "ghcr.io\n",
        ".ghcr.io",
        "ghcr.io.",
        "ghcr..io",
        "-ghcr.io",
        "*.ghcr.io",
        "::1",
        "[::1",
        "[ghcr.io]",
        "[192.0.2.1]",
        "[2001:db8:::1]",
        "[1:2]",
        "2001:db8::1:5000",
        "user@ghcr.io",
        "ghcr.io:\N{ARABIC-INDIC DIGIT FOUR}43",
    ],
)
def test_anything_else_is_no_registry(text: str) -> None:
    """A URL, a pattern and a repository are none."""
    with pytest.raises(ValueError, match=r"^expected a registry like ") as caught:
        Registry.parse(text)
    expected = f"expected a registry like ghcr.io or registry.test:5000, found {text!r}"
    assert str(caught.value) == expected


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("docker.io", ("registry-1.docker.io", "index.docker.io", "docker.io")),
        ("reg.test:5000", ("reg.test",)),
        ("[2001:DB8::1]:5000", ("2001:db8::1",)),
    ],
)
def test_the_hosts_of_a_registry(text: str, hosts: tuple[str, ...]) -> None:
    """Without a port; Docker Hub has several."""
    assert Registry.parse(text).hosts == hosts


OPENED = Registries(
    Registry.parse(text)
    for text in ("docker.io", "ghcr.io", "reg.test:5000", "[2001:db8::1]:5000", "192.0.2.1")
)


@pytest.mark.parametrize(
    ("host", "port", "name"),
    [
        ("registry-1.docker.io", 443, "docker.io"),
        ("index.docker.io", 443, "docker.io"),
        ("docker.io", 443, "docker.io"),
        ("registry-1.docker.io.", 443, "docker.io"),
        ("Registry-1.Docker.IO", 80, "docker.io"),
        ("ghcr.io", 443, "ghcr.io"),
        ("ghcr.io", 80, "ghcr.io"),
        ("reg.test", 5000, "reg.test:5000"),
        ("reg.test.", 5000, "reg.test:5000"),
        ("[2001:db8::1]", 5000, "[2001:db8::1]:5000"),
        ("2001:DB8::1", 5000, "[2001:db8::1]:5000"),
        ("2001:0db8:0:0:0:0:0:1", 5000, "[2001:db8::1]:5000"),
        ("192.0.2.1", 443, "192.0.2.1"),
    ],
)
def test_a_connection_reaches_a_registry(host: str, port: int, name: str) -> None:
    """Docker Hub answers at other names than its images have."""
    found = OPENED.at(host, port)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("auth.docker.io", 443),
        ("hub.docker.com", 443),
        ("production.cloudflare.docker.com", 443),
        ("registry-1.docker.io", 5000),
        ("evil-ghcr.io", 443),
        ("ghcr.io.evil.test", 443),
        ("sub.ghcr.io", 443),
        ("ghcr.io", 8443),
        ("reg.test", 443),
        ("2001:db8::2", 5000),
        ("2001:db8:::1", 5000),
        ("[[2001:db8::1]]", 5000),
        ("[2001:db8::1", 5000),
        ("", 443),
    ],
)
def test_every_other_connection_is_nobodys_business(host: str, port: int) -> None:
    """Token services, CDNs and names that only look alike."""
    assert OPENED.at(host, port) is None


def test_registries_are_counted() -> None:
    """For the line that `metahub serve` prints at its start."""
    assert (len(OPENED), len(Registries([]))) == (5, 0)


def test_they_are_listed_in_the_order_of_the_rules() -> None:
    """By the names that the rules use."""
    names = ["ghcr.io", "docker.io", "reg.test:5000"]
    assert [registry.name for registry in Registries(map(Registry.parse, names))] == names


@pytest.mark.parametrize(
    ("name", "host"),
    [("docker.io", "registry-1.docker.io"), ("ghcr.io", "ghcr.io"), ("reg.test:5000",) * 2],
)
def test_the_api_has_a_host_of_its_own(name: str, host: str) -> None:
    """Docker Hub's is not what its images are called by."""
    assert api_host(name) == host


@pytest.mark.parametrize(
    ("name", "registry"),
    [
        ("docker.io", "docker.io"),
        ("index.docker.io", "docker.io"),
        ("Reg.Test:5000", "reg.test:5000"),
        ("reg.test:5000", "reg.test:5000"),
        ("reg.test", None),
        ("ghcr.io", None),
        ("", None),
        ("docker.io/qnib", None),
    ],
)
def test_a_registry_is_found_by_its_name(name: str, registry: str | None) -> None:
    """As image names spell it; a name with another port is another registry."""
    listed = Registries(map(Registry.parse, ("docker.io", "reg.test:5000")))
    found = listed.named(name)
    assert (found.name if found else None) == registry


@pytest.mark.parametrize(
    ("name", "api"),
    [
        ("docker.io", ("registry-1.docker.io", 443)),
        ("ghcr.io", ("ghcr.io", 443)),
        ("reg.test:5000", ("reg.test", 5000)),
    ],
)
def test_where_the_api_of_a_registry_answers(name: str, api: tuple[str, int]) -> None:
    """Over HTTPS, unless its name has a port."""
    assert Registry.parse(name).api == api


def test_registries_are_told_in_their_order() -> None:
    """As the rules list them."""
    assert [registry.name for registry in OPENED][:2] == ["docker.io", "ghcr.io"]
    assert len(list(OPENED)) == len(OPENED)
