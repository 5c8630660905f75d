"""The URL of a proxy, as Go's programs take it, and where people go wrong."""

import base64

import pytest

from metahub.node.check.proxy_url import ProxyUrl, ProxyUrlError

EXAMPLE = "Write it as http://USER:PASSWORD@HOST:PORT"


@pytest.mark.parametrize(
    ("text", "shown", "user", "password"),
    [
        ("http://proxy.test:8080", "http://proxy.test:8080", None, None),
        ("http://proxy.test:8080/", "http://proxy.test:8080", None, None),
        ("proxy.test:8080", "http://proxy.test:8080", None, None),
        ("proxy.test", "http://proxy.test:80", None, None),
        ("https://proxy.test", "https://proxy.test:443", None, None),
        ("HTTP://u:p@[fd00::1]:8080", "http://u:****@[fd00::1]:8080", "u", "p"),
        ("http://u@proxy.test:1", "http://u@proxy.test:1", "u", None),
        ("http://u:@proxy.test:1", "http://u:****@proxy.test:1", "u", ""),
        (" u:p@proxy.test:1 ", "http://u:****@proxy.test:1", "u", "p"),
        ("http://a%40b:50%25+%C3%A4@h:1", "http://a%40b:****@h:1", "a@b", "50%+ä"),
        ("http://u:p:q!$&'()*+,;=~@h:1", "http://u:****@h:1", "u", "p:q!$&'()*+,;=~"),
    ],
)
def test_a_url(text: str, shown: str, user: str | None, password: str | None) -> None:
    """Is shown without its password, and never otherwise."""
    url = ProxyUrl.parse(text)
    assert (str(url), url.user, url.password) == (shown, user, password)
    assert password is None or len(password) < 2 or password not in repr(url)


def test_the_login() -> None:
    """Is what RFC 7617 says, in UTF-8."""
    login = ProxyUrl.parse("http://u:%C3%A4@h:1").login
    assert login == f"Basic {base64.b64encode('u:ä'.encode()).decode()}"
    assert ProxyUrl.parse("http://h:1").login is None


def test_a_raw_at() -> None:
    """Go finds the host all the same; others do not."""
    url = ProxyUrl.parse("http://u:p@q@h:1")
    assert (url.host, url.password, url.has_raw_at) == ("h", "p@q", True)
    assert not ProxyUrl.parse("http://u:p%40q@h:1").has_raw_at


@pytest.mark.parametrize(
    ("text", "reason", "remedy"),
    [
        ("socks5://h:1", "is not a URL that begins with http://", EXAMPLE),
        ("http://", "names no host and port", EXAMPLE),
        ("http://h:99999", "names no host and port", EXAMPLE),
        ("http://h:0", "names no host and port", EXAMPLE),
        ("http://u:secret@h:x", "names no host and port", EXAMPLE),
        ("http://u:secret@", "names no host and port", EXAMPLE),
        (
            "http://u:50%secret@h:1",
            "has a % in its user or password that begins no %XX",
            "Write %25 instead of that %",
        ),
        (
            "http://u:sec/ret@h:1",
            "has a / in its user or password",
            "Write %2F instead of that /",
        ),
        (
            "http://u:sec#ret@h:1",
            "has a # in its user or password",
            "Write %23 instead of that #",
        ),
        (
            "http://u:secrät@h:1",
            "has a character in its user or password that no URL has",
            "Write whatever is no letter or digit in the user or password as %XX",
        ),
    ],
)
def test_no_url(text: str, reason: str, remedy: str) -> None:
    """Is told without what it is."""
    with pytest.raises(ProxyUrlError) as caught:
        ProxyUrl.parse(text)
    assert (str(caught.value), caught.value.remedy) == (reason, remedy)


def test_a_password_from_elsewhere() -> None:
    """Goes with a user that has none in the URL."""
    assert ProxyUrl.parse("http://u@h:1").with_password("secret").password == "secret"
    assert ProxyUrl.parse("http://u:p@h:1").with_password("secret").password == "p"
    assert ProxyUrl.parse("http://h:1").with_password("secret").login is None
    assert ProxyUrl.parse("http://u@h:1").with_password(None).password is None
