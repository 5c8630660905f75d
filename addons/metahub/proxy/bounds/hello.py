"""How long the first words of a TLS handshake may be.

Knows mitmproxy's layers. Must not know what is said.
"""

from collections.abc import Callable
from functools import partial

from mitmproxy.proxy import layer, tunnel
from mitmproxy.proxy.layers import ClientTLSLayer

MOST_BYTES = 64 * 1024
"""As Go takes: https://github.com/golang/go/blob/go1.24.0/src/crypto/tls/common.go#L64"""

type _Received = layer.CommandGenerator[tuple[bool, str | None]]


class Hello:
    """Ends a handshake that only begins: of a ClientHello, mitmproxy would hold 16 MiB.

    It looks for the end of it anew, whenever something has come.
    """

    def next_layer(self, next_layer: layer.NextLayer) -> None:
        """Look after the layer that is going to read it."""
        chosen = next_layer.layer
        while isinstance(chosen, tunnel.TunnelLayer):
            if isinstance(chosen, ClientTLSLayer):
                bounded = partial(_received, chosen, chosen.receive_handshake_data)
                chosen.receive_handshake_data = bounded  # type: ignore[method-assign]
            chosen = chosen.child_layer


def _received(
    reading: ClientTLSLayer, receive: Callable[[bytes], _Received], data: bytes
) -> _Received:
    is_done, error = yield from receive(data)
    if not error and not reading.client_hello_parsed and len(reading.recv_buffer) > MOST_BYTES:
        return False, f"Cannot parse ClientHello: more than {MOST_BYTES} bytes"
    return is_done, error
