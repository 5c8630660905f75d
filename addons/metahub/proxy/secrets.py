"""Secrets never travel: what clients send to prove themselves is in no log and no flow file.

Knows the headers that carry secrets. Must not know who sent them.
"""

import logging
import re

from mitmproxy import http
from mitmproxy.addonmanager import Loader

REMOVED = "[removed by MetaHub]"

_HEADERS = ("Authorization", "Cookie", "Proxy-Authorization")

# mitmproxy logs what it cannot parse as it came, half a CONNECT with its credentials, say.
_IN_TEXT = re.compile(r"(?i)((?:proxy-)?authorization|cookie)(\W{0,4}:\s*)(?:(?!\\r|\\n)[^\r\n])+")

# So is a target with a login in it, which most clients take out and send as a header instead.
_IN_TARGET = re.compile(r"(://|\bCONNECT )[^\s/@'\"]+@")

# With `proxy_debug` it logs whatever it reads and writes: tokens, and headers that came in halves.
_DATA = re.compile(r"(?:DataReceived|SendData|RequestData|ResponseData)\(")
_BYTES = re.compile(r"""\bb(['"])(?:\\.|(?!\1).)*+\1""", re.DOTALL)
_LOGGERS = ("mitmproxy.proxy.server", "mitmproxy.addons.proxyserver")


class Secrets:
    """Takes secrets out of what mitmproxy keeps, shows, saves and logs, once they were used."""

    def load(self, _: Loader) -> None:
        """Let nothing be logged but through the filter."""
        for name in _LOGGERS:
            logging.getLogger(name).addFilter(without_secrets)

    def done(self) -> None:
        """Leave mitmproxy's loggers as they were."""
        for name in _LOGGERS:
            logging.getLogger(name).removeFilter(without_secrets)

    def response(self, flow: http.HTTPFlow) -> None:
        """The request has been sent: nobody needs its credentials any more."""
        _remove_from(flow.request.headers)

    def error(self, flow: http.HTTPFlow) -> None:
        """The request has failed: nobody needs its credentials any more."""
        _remove_from(flow.request.headers)


def without_credentials(headers: http.Headers) -> http.Headers:
    """A copy of the headers of a request, in which nothing proves a client."""
    copied = headers.copy()
    _remove_from(copied)
    return copied


def without_secrets(record: logging.LogRecord) -> bool:
    """A filter of logging: keeps every record, and no secret in it."""
    text = record.getMessage()
    if _DATA.search(text):
        text = _BYTES.sub(REMOVED, text)
    text = _IN_TARGET.sub(rf"\1{REMOVED}@", text)
    record.msg = _IN_TEXT.sub(rf"\1\2{REMOVED}", text)
    record.args = None
    return True


def _remove_from(headers: http.Headers) -> None:
    for name in _HEADERS:
        if name in headers:
            headers[name] = REMOVED
