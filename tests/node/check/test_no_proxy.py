"""What NO_PROXY takes out, in the words that Go's programs take."""

import pytest

from metahub.node.check.no_proxy import covering, is_local


@pytest.mark.parametrize(
    ("no_proxy", "host", "port"),
    [
        ("reg.test", "reg.test", 443),
        ("example.com, TEST", "reg.test", 443),
        (".test", "reg.test", 443),
        ("*.test", "reg.test", 443),
        ("reg.test:443", "reg.test", 443),
        ("*", "reg.test", 443),
        ("10.0.0.0/8", "10.1.2.3", 443),
        ("10.1.2.3", "10.1.2.3", 443),
        ("10.1.2.3:5000", "10.1.2.3", 5000),
        ("fd00::/8", "fd00::1", 443),
        ("fd00::1", "fd00::1", 443),
        ("[fd00::1]:443", "fd00::1", 443),
    ],
)
def test_covered(no_proxy: str, host: str, port: int) -> None:
    """By the last word of each of these."""
    assert covering(no_proxy, host, port) == no_proxy.rsplit(", ", maxsplit=1)[-1]


@pytest.mark.parametrize(
    ("no_proxy", "host", "port"),
    [
        ("", "reg.test", 443),
        (" , ", "reg.test", 443),
        (".reg.test", "reg.test", 443),
        ("*.reg.test", "reg.test", 443),
        ("eg.test", "reg.test", 443),
        ("reg.test:5000", "reg.test", 443),
        ("10.0.0.0/8", "reg.test", 443),
        ("10.0.0.0/8", "11.0.0.1", 443),
        ("10.0.0.0/99", "10.0.0.1", 443),
        ("10.1.2.3", "reg.test", 443),
        ("*.*.test", "reg.test", 443),
        ("docker.io", "registry-1.docker.com", 443),
    ],
)
def test_not_covered(no_proxy: str, host: str, port: int) -> None:
    """Though it may look so."""
    assert covering(no_proxy, host, port) is None


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1"])
def test_this_machine(host: str) -> None:
    """Is asked directly, whatever NO_PROXY says."""
    assert is_local(host)


@pytest.mark.parametrize("host", ["reg.test", "localhost.test", "10.0.0.1", "128.0.0.1"])
def test_another_machine(host: str) -> None:
    """Is not."""
    assert not is_local(host)
