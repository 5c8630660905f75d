"""Clients that try TLS with a registry that has none."""

import ssl
from dataclasses import replace

import pytest

from metahub.demo.address import Address
from metahub.demo.bench import TAG, qnib_bench
from tests.e2e.asking.wire import Wire
from tests.e2e.proxies.rules import TYPE1, login_of, table
from tests.e2e.upstreams.odd_registry import OddRegistry
from tests.e2e.upstreams.trust import HERE, Trust
from tests.proxy.running import Serve
from tests.proxy.test_manifests import ask_as, publish


def failure_of(way: Wire) -> str:
    """What a client's OpenSSL makes of the answer."""
    with pytest.raises(ssl.SSLError) as caught:
        way.ask("GET", "/v2/")
    return caught.value.reason


def test_tls_fails_as_it_would_with_the_registry(serve: Serve, trust: Trust) -> None:
    """Or docker would not go on to try without."""
    with OddRegistry(None, HERE) as plain:
        publish(plain, qnib_bench())
        proxy = serve(table(plain.address))
        secured = replace(plain.address, scheme="https")
        over_it = proxy.wire(secured, login_of(TYPE1))
        ways = (Wire(secured, trust.authority), over_it, over_it)
        assert len({failure_of(way) for way in ways}) == 1
        assert ask_as(TYPE1, proxy, plain).get(TAG).status == 200


def test_a_registry_that_is_away_is_left_to_who_asks_it(serve: Serve, odd: OddRegistry) -> None:
    """The client learns from an answer that nobody is there, not from a handshake."""
    nobody = Address(HERE, 1, "https")
    proxy = serve(table(odd.address, nobody))
    answer = proxy.wire(nobody, login_of(TYPE1)).ask("HEAD", "/v2/qnib/bench/manifests/latest")
    assert answer.status == 502
