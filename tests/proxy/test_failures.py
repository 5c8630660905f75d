"""Upstreams that fail a request: what the client is told of it."""

import http.client
import json

import pytest

from metahub.demo.address import Address
from tests.e2e.asking.wire import Answer
from tests.e2e.proxies.rules import TYPE1, login_of, table
from tests.e2e.upstreams.odd_registry import PIECE, OddRegistry, Reply
from tests.e2e.upstreams.trust import HERE
from tests.proxy.running import Serve
from tests.proxy.test_presence import soon

UPLOAD = "/v2/a/blobs/uploads/1"


def sentence_of(answer: Answer) -> str:
    """What a registry's error says."""
    (error,) = json.loads(answer.body)["errors"]
    assert error["code"] == "UNAVAILABLE"
    return str(error["message"])


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
def test_a_client_is_told_who_cannot_be_reached(method: str, serve: Serve) -> None:
    """502 in a registry's words, where mitmproxy has a page."""
    nobody = Address(HERE, 1, "http")
    wire = serve(table(nobody)).wire(nobody, login_of(TYPE1))
    answer = wire.ask(method, UPLOAD, body=b"layer" if method == "PUT" else None)
    assert answer.status == 502
    assert answer.reason.startswith("MetaHub: no answer from localhost: [Errno 111] ")
    assert answer.body == b"" if method == "HEAD" else sentence_of(answer) == answer.reason


def test_who_expects_100_is_told_too(serve: Serve) -> None:
    """100 was mitmproxy's, and no answer."""
    nobody = Address(HERE, 1, "http")
    wire = serve(table(nobody)).wire(nobody, login_of(TYPE1))
    with wire.asking("PUT", UPLOAD, {"Expect": "100-continue"}, b"layer") as connection:
        assert connection.getresponse().status == 502


def test_an_answer_that_has_begun_is_cut(serve: Serve, odd: OddRegistry) -> None:
    """A second one in the midst of it would be taken for its body."""
    odd["/blob"] = Reply(bytes(4 * PIECE), cut_after=PIECE)
    wire = serve(table(odd.address)).wire(odd.address, login_of(TYPE1))
    with pytest.raises(http.client.IncompleteRead) as caught:
        wire.ask("GET", "/blob")
    assert b"MetaHub" not in caught.value.partial


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_interim_answer_is_none(method: str, serve: Serve, odd: OddRegistry) -> None:
    """Mitmproxy takes it for the answer, after which the client would wait for ever."""
    odd[UPLOAD] = Reply(drips=b"HTTP/1.1 103 Early Hints\r\n\r\n")
    wire = serve(table(odd.address)).wire(odd.address, login_of(TYPE1))
    with wire.asking(method, UPLOAD) as connection:
        answer = Answer.of(connection.getresponse())
        assert soon(lambda: odd.waiting == 0)
    said = "MetaHub: no answer from localhost: status 103"
    assert (answer.status, answer.reason) == (502, said)
    assert (answer.body == b"") == (method == "HEAD")
