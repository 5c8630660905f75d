"""Clients that try TLS with a registry that has none."""

import ssl
from dataclasses import replace

import pytest

from metahub.demo.address import Address
from metahub.demo.bench import TAG, qnib_bench
from tests.e2e.odd_registry import OddRegistry
from tests.e2e.rules import TYPE1, login_of, table
from tests.e2e.trust import HERE
from tests.proxy.running import Serve
from tests.proxy.test_manifests import ask_as, publish


def test_tls_fails_as_it_would_with_the_registry(serve: Serve) -> None:
    """Or docker would not go on to try without."""
    with OddRegistry(None, HERE) as plain:
        publish(plain, qnib_bench())
        proxy = serve(table(plain.address))
        secured = replace(plain.address, scheme="https")
        for _ in range(2):
            with pytest.raises(ssl.SSLError) as caught:
                proxy.wire(secured, login_of(TYPE1)).ask("GET", "/v2/")
            assert not isinstance(caught.value, ssl.SSLCertVerificationError)
        assert ask_as(TYPE1, proxy, plain).get(TAG).status == 200


def test_a_registry_that_is_away_is_left_to_who_asks_it(serve: Serve, odd: OddRegistry) -> None:
    """The client learns from an answer that nobody is there, not from a handshake."""
    nobody = Address(HERE, 1, "https")
    proxy = serve(table(odd.address, nobody))
    answer = proxy.wire(nobody, login_of(TYPE1)).ask("HEAD", "/v2/qnib/bench/manifests/latest")
    assert answer.status == 502
