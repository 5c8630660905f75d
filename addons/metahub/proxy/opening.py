"""What the first bytes of a redirected connection say of where it leads.

Knows how TLS and HTTP begin. Must not know which hosts are registries.
"""

from mitmproxy.net.http.http1 import read_request_head
from mitmproxy.net.tls import starts_like_tls_record

_LINE_END = b"\r\n"
_HEAD_END = b"\r\n\r\n"


def named_host(first: bytes) -> str | None:
    """The host that a request names; empty for what is neither HTTP nor TLS.

    None where more has to be read to know: of TLS, or because the name has not come yet.
    """
    if starts_like_tls_record(first):
        return None
    if first and not first[:1].isalpha():  # a method is a word
        return ""
    head, complete, _ = first.partition(_HEAD_END)
    lines = (head if complete else first.rpartition(_LINE_END)[0]).split(_LINE_END)
    if lines == [b""]:
        return None
    try:
        return read_request_head(lines).pretty_host or None
    except ValueError:
        return ""
