"""Addresses on loopback, and logins."""

import re
import socket

import pytest

from metahub.demo.address import (
    Address,
    Login,
    free_port,
    free_ports,
    loopback_of,
    port_after,
    proxied_name,
)


def test_an_address_prints_as_in_an_image_name() -> None:
    """The URL has the scheme too."""
    address = Address("reg.test", 5000)
    assert (str(address), address.url) == ("reg.test:5000", "https://reg.test:5000")
    assert Address("127.0.0.1", 80, "http").url == "http://127.0.0.1:80"
    assert Address("fd00::1", 8080, "http").url == "http://[fd00::1]:8080"


def test_a_login_becomes_a_header_and_hides_its_password() -> None:
    """The example of RFC 7617, section 2."""
    login = Login("Aladdin", "open sesame")
    assert login.header == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    assert "sesame" not in repr(login)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "localhost"])
def test_a_host_of_loopback_has_an_address_there(host: str) -> None:
    """Names are looked up."""
    assert loopback_of(host).startswith("127.")


@pytest.mark.parametrize(
    ("host", "message"),
    [
        ("192.0.2.1", "192.0.2.1 is 192.0.2.1, expected an address of loopback"),
        ("0.0.0.0", "0.0.0.0 is 0.0.0.0, expected an address of loopback"),
        ("no-such-host.invalid", "no-such-host.invalid has no address: "),
    ],
)
def test_nothing_listens_elsewhere(host: str, message: str) -> None:
    """A demo is nobody else's business."""
    with pytest.raises(ValueError, match=f"^{message}"):
        loopback_of(host)


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "no-such-host.invalid", "A_Host", ""])
def test_names_that_go_would_not_proxy_are_not_taken(name: str) -> None:
    """Neither are names that are no part of an image name, or of no address."""
    assert proxied_name([name]) is None


def test_the_machine_itself_is_asked_for_a_name() -> None:
    """Where it has one, that is an address of loopback."""
    name = proxied_name()
    assert name is None or loopback_of(name).startswith("127.")


@pytest.mark.parametrize(
    ("line", "port"),
    [
        ('level=info msg="listening on 127.0.0.1:38129, tls" version=2.8', 38129),
        ("MetaHub is listening on http://127.0.0.1:8080", 8080),
        ("listening on http://127.0.0.1:8080, http://127.0.0.1:8081", 8080),
    ],
)
def test_a_port_is_read_where_a_program_chose_it(line: str, port: int) -> None:
    """The first of them."""
    assert port_after("listening on ", line) == port


@pytest.mark.parametrize("line", ["", "listening on a pipe", "listening at 127.0.0.1:1"])
def test_a_line_without_a_port_is_an_error(line: str) -> None:
    """It shows the line."""
    message = f"expected `listening on HOST:PORT`, found {line!r}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        port_after("listening on ", line)


def test_a_free_port_can_be_listened_on() -> None:
    """At least right afterwards."""
    socket.create_server(("127.0.0.1", free_port())).close()


def test_free_ports_are_different_ones() -> None:
    """Also where the next one would be the same again."""
    assert len(set(free_ports(50))) == 50
