"""Guessers and nodes at one proxy, from one address."""

import itertools
import socket
import threading
import time
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv6Address

import argon2

from metahub.demo.address import LOOPBACK, Login
from metahub.proxy.failed_logins import FailedLogins
from metahub.proxy.guessing import Guessing, origin_of
from metahub.proxy.logins import WRONG_CREDENTIALS
from tests.e2e.machine.running import eventually
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.proxies.rules import TYPE1, TYPE3, TYPE4, login_of, table
from tests.e2e.proxies.serve import Serve
from tests.e2e.upstreams.odd_registry import OddRegistry

CONNECTIONS = 50
SECONDS = 10.0

# One user has six tries in ten seconds. Others have ten together, then four in a second, for twenty
# tries, and two in a second later; those in line are told after the time is over.
MOST_TRIES = 50

# A first login waits for ten hashes at worst, on a machine that fifty threads keep busy.
SOON = 4.0
AT_ONCE = 0.5


def said_to(login: Login, proxy: Proxy) -> str:
    """The status line that answers a CONNECT: its reason is what clients show."""
    with socket.create_connection((LOOPBACK, proxy.address.port), 60) as plain:
        head = f"CONNECT reg.test:443 HTTP/1.1\r\nProxy-Authorization: {login.header}\r\n\r\n"
        plain.sendall(head.encode())
        return plain.recv(65536).decode().partition("\r\n")[0]


class Guesser:
    """Tries a user that exists and many that do not, each time with another password."""

    def __init__(self, proxy: Proxy) -> None:
        self.heard = Counter[str]()
        self._proxy = proxy
        self._numbers = itertools.count()
        self._end = time.monotonic() + SECONDS

    def guess(self) -> None:
        """Guess over one connection after the other, until the time is over."""
        while time.monotonic() < self._end:
            number = next(self._numbers)
            user = TYPE1.name if number % 2 else f"user{number}"
            self.heard[said_to(Login(user, f"guess{number}"), self._proxy)] += 1


@contextmanager
def guessing(proxy: Proxy) -> Iterator[Guesser]:
    """Fifty connections for ten seconds."""
    guesser = Guesser(proxy)
    threads = [threading.Thread(target=guesser.guess) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    try:
        yield guesser
    finally:
        for thread in threads:
            thread.join()


def lets_in_within(seconds: float, login: Login, proxy: Proxy) -> bool:
    """Whether a login works, and as soon as that."""
    begun = time.monotonic()
    return " 200 " in said_to(login, proxy) and time.monotonic() - begun < seconds


def test_a_guesser_gets_few_tries_and_others_get_in(serve: Serve, odd: OddRegistry) -> None:
    """A node that is known at once, and another for the first time, from the guesser's address."""
    proxy = serve(table(odd.address))
    assert lets_in_within(SOON, login_of(TYPE3), proxy)
    with guessing(proxy) as guesser:
        time.sleep(SECONDS / 2)
        assert lets_in_within(SOON, login_of(TYPE4), proxy)
        assert lets_in_within(AT_ONCE, login_of(TYPE4), proxy)
        assert lets_in_within(AT_ONCE, login_of(TYPE3), proxy)
    wrong = f"HTTP/1.1 407 {WRONG_CREDENTIALS}"
    assert 10 <= guesser.heard.pop(wrong) <= MOST_TRIES
    assert all(
        "407 MetaHub: too many wrong proxy passwords; try again in " in line
        for line in guesser.heard
    )
    assert proxy.said().count("is turned away") == 1


def test_a_password_that_becomes_right_lets_in(serve: Serve, odd: OddRegistry) -> None:
    """Within the second in which the edit is taken, though it was wrong time and again."""
    rules = table(odd.address)
    proxy, new = serve(rules), Login(TYPE1.name, "new")
    for _ in range(3):
        assert WRONG_CREDENTIALS in said_to(new, proxy)
    first, *others = rules["clients"]
    assert first["user"] == new.user
    changed = first | {"password_hash": argon2.PasswordHasher().hash(new.password)}
    proxy.rule(rules | {"clients": [changed, *others]})
    assert eventually(lambda: "are in force" in proxy.said(), 3)
    assert lets_in_within(1, new, proxy)


def test_memory_has_a_limit() -> None:
    """Forty thousand users, each from elsewhere, take what twenty-five thousand take: 15 MB."""
    count, failed, sizes = Guessing(), FailedLogins(lambda _: None, lambda *_: None), []
    tracemalloc.start()
    for number in range(40_000):
        user, origin = f"user{number}", origin_of(IPv6Address(number << 64))
        for _ in range(1 + number % 2):  # those that were tried again are remembered for longer
            count.ask(number / 1000, origin, user.encode().zfill(32))
        count.welcome(origin)
        failed.add(origin, user, "never said")
        if number in (25_000, 39_999):
            sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert sizes[1] < 1.05 * sizes[0]
    assert sizes[1] < 15_000_000
