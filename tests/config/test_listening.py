"""Where the proxy listens, by the options that say it."""

import socket

import pytest
from mitmproxy.proxy.mode_specs import ProxyMode

from metahub.config.listening import listening, name_for_nodes

HERE = socket.gethostname()

LISTENING = [
    ({}, ("", 8080)),
    ({"listen_host": "10.0.0.1", "listen_port": 3128}, ("10.0.0.1", 3128)),
    ({"listen_port": None, "listen_host": None, "mode": None}, ("", 8080)),
    ({"mode": ["regular"], "listen_port": 1}, ("", 1)),
    ({"mode": ["transparent", "regular@8081"], "listen_port": 1}, ("", 8081)),
    ({"mode": ["regular@8081", "regular@8082"]}, ("", 8081)),
    ({"mode": ["regular@10.0.0.1:8081"], "listen_host": "10.0.0.2"}, ("10.0.0.1", 8081)),
    ({"mode": ["regular@8081"], "listen_host": "10.0.0.2"}, ("10.0.0.2", 8081)),
    ({"mode": ["regular@::1:8081"]}, ("::1", 8081)),
    ({"mode": ["upstream:http://next.test:1@8081"]}, ("", 8081)),
    ({"mode": ["reverse:https://registry.test@5000"], "listen_port": 1}, ("", 1)),
]


@pytest.mark.parametrize(("options", "found"), LISTENING)
def test_the_first_mode_of_a_proxy_says_it(
    options: dict[str, object], found: tuple[str, int]
) -> None:
    """Or else the options for all modes, or what mitmproxy does without any."""
    assert listening(options) == found


@pytest.mark.parametrize("text", ["regular@8081", "regular@10.0.0.1:8081", "regular@::1:8081"])
def test_mitmproxy_listens_there(text: str) -> None:
    """It reads a mode the same way."""
    mode = ProxyMode.parse(text)
    assert listening({"mode": [text]}) == (mode.listen_host("") or "", mode.listen_port())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"listen_port": "web"}, "listen_port: expected a port, found 'web'"),
        ({"listen_port": -1}, "listen_port: expected a port, found -1"),
        ({"mode": ["upstream:http://a:b@sesame"]}, "mode: expected a port behind the last @"),
    ],
)
def test_what_is_no_port(options: dict[str, object], sentence: str) -> None:
    """It is shown, unless it may be a password."""
    with pytest.raises(ValueError, match="port") as caught:
        listening(options)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("", f"{HERE}:80"),
        ("0.0.0.0", f"{HERE}:80"),
        ("::", f"{HERE}:80"),
        ("10.0.0.1", "10.0.0.1:80"),
        ("2001:db8::1", "[2001:db8::1]:80"),
    ],
)
def test_nodes_are_told_a_name(host: str, name: str) -> None:
    """That of this machine, where it is of all its addresses."""
    assert name_for_nodes(host, 80) == name
