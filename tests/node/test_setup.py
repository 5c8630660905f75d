"""What a set-up script is made of: its parts, and values that no shell takes for anything else."""

import subprocess
from pathlib import Path

import pytest

from metahub.demo.tls import Authority
from metahub.node.setup import RUNTIMES, setup_script

PROXY = "http://proxy.example.com:8080"
REGISTRIES = ("docker.io", "registry.example.com:5000")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A CA in PEM."""
    file: Path = Authority.create("MetaHub").write(tmp_path_factory.mktemp("ca") / "ca.pem")
    return file.read_bytes()


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_script_is_whole(runtime: str, certificate: bytes) -> None:
    """A shell reads it without a complaint and shows the options; nothing is there to format."""
    script = setup_script(runtime, PROXY, [certificate, certificate], REGISTRIES)
    shown = subprocess.run(
        ["sh", "-s", "--", "--help"], input=script, capture_output=True, text=True, check=False
    )
    assert (shown.returncode, shown.stderr) == (0, "")
    assert PROXY in shown.stdout
    assert "--password-file FILE" in shown.stdout


def test_a_certificate_stands_alone(certificate: bytes) -> None:
    """What stood around it in its file is no part of it."""
    script = setup_script("system", PROXY, [b"subject: $(touch /x)\n" + certificate], REGISTRIES)
    assert script == setup_script("system", PROXY, [certificate], REGISTRIES)


@pytest.mark.parametrize(
    "proxy",
    [
        "proxy.example.com:8080",
        "http://proxy.example.com",
        "http://user:password@proxy.example.com:8080",
        "http://proxy.example.com:8080/",
        "http://$(reboot):8080",
        "http://proxy.example.com:8080\nreboot",
        "socks5://proxy.example.com:8080",
    ],
)
def test_what_is_no_proxy_is_refused(proxy: str, certificate: bytes) -> None:
    """A page may make it of what a client calls the host."""
    with pytest.raises(ValueError, match=r"^expected a proxy like http://proxy.example.com:8080"):
        setup_script("system", proxy, [certificate], REGISTRIES)


@pytest.mark.parametrize("proxy", ["http://[2001:db8::1]:8080", "https://10.0.0.1:443"])
def test_an_address_is_a_proxy_too(proxy: str, certificate: bytes) -> None:
    """Also one of IPv6, and one that is spoken to over TLS."""
    assert proxy in setup_script("system", proxy, [certificate], REGISTRIES)


def test_what_is_no_registry_is_refused(certificate: bytes) -> None:
    """As the rules refuse it."""
    with pytest.raises(ValueError, match=r"^expected a registry like"):
        setup_script("system", PROXY, [certificate], ["docker.io; reboot"])


def test_what_is_no_certificate_is_refused() -> None:
    """The script is to install it."""
    with pytest.raises(ValueError, match=r"PEM"):
        setup_script("system", PROXY, [b"a CA"], REGISTRIES)


def test_there_are_no_other_runtimes(certificate: bytes) -> None:
    """RUNTIMES is the whole list."""
    with pytest.raises(KeyError):
        setup_script("rkt", PROXY, [certificate], REGISTRIES)
