"""The ports that workers share."""

import socket

import pytest

from metahub.config import ConfigError
from metahub.workers.ports import Address, KeptPorts, _Place, addresses

HERE = "127.0.0.1"


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({}, [("", 8080)]),
        ({"listen_host": "10.0.0.1", "listen_port": 0}, [("10.0.0.1", 0)]),
        ({"listen_port": "3128", "mode": ["regular", "socks5@1"]}, [("", 3128), ("", 1)]),
        ({"mode": ["socks5"]}, [("", 1080)]),
        ({"mode": ["regular@::1:81"], "listen_host": "::"}, [("::1", 81)]),
        ({"mode": ["upstream:http://a:1@2"]}, [("", 2)]),
        ({"mode": ["regular@many"]}, []),
        ({"listen_port": 70000}, []),
    ],
)
def test_where_modes_listen(options: dict[str, object], found: list[tuple[str, int]]) -> None:
    """As far as it can be read; mitmproxy complains of the rest."""
    assert list(addresses(options)) == [Address(*each) for each in found]


def _listening(port: int, *, shared: bool) -> socket.socket:
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, shared)
    made.bind((HERE, port))
    made.listen()
    return made


def test_a_port_is_chosen_once() -> None:
    """Workers share it, and it gets no connection itself."""
    with KeptPorts.of({"listen_host": HERE, "listen_port": 0}) as kept:
        assert kept.chosen
        with _listening(kept.chosen, shared=True) as one, _listening(kept.chosen, shared=True):
            clients = [socket.create_connection((HERE, kept.chosen)) for _ in range(10)]
            for client in clients:
                client.close()
            assert one.getsockname() == (HERE, kept.chosen)


def test_a_port_of_one_s_own() -> None:
    """Is not chosen anew."""
    with KeptPorts.of({"listen_host": HERE, "listen_port": 0}) as first:
        port = first.chosen
    with KeptPorts.of({"listen_host": HERE, "listen_port": port}) as kept:
        assert kept.chosen is None


def test_every_address() -> None:
    """One port of all of them, IPv4 and IPv6."""
    with KeptPorts.of({"listen_port": 0}) as kept:
        assert kept.chosen
        with pytest.raises(OSError, match="in use"):
            _bound(kept.chosen)


def _bound(port: int) -> None:
    with socket.socket() as made:
        made.bind((HERE, port))


@pytest.mark.parametrize("shared", [False, True])
def test_a_port_that_another_has(shared: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where that one would share it: half of the clients would be lost to it."""
    monkeypatch.setattr("metahub.workers.ports._SECONDS_FOR_OTHERS_TO_END", 0.0)
    with _listening(0, shared=shared) as other:
        port = other.getsockname()[1]
        with pytest.raises(ConfigError) as caught:
            KeptPorts.of({"listen_host": HERE, "listen_port": port})
    said = str(caught.value)
    assert said == f"{HERE}:{port} cannot be listened on: [Errno 98] Address already in use"


def test_a_host_that_is_not_here() -> None:
    """Is said at once."""
    with pytest.raises(ConfigError, match=r"^192\.0\.2\.1:81 cannot be listened on: "):
        KeptPorts.of({"listen_host": "192.0.2.1", "listen_port": 81})


def test_a_machine_without_an_address_of_one_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Listens on those that it has, as it does without workers."""
    places = [_Place(socket.AF_INET, "192.0.2.1"), _Place(socket.AF_INET, HERE)]
    monkeypatch.setattr("metahub.workers.ports._places", lambda _: places)
    with KeptPorts.of({"listen_port": 0}) as kept:
        assert kept.chosen
