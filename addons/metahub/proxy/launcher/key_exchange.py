"""How keys are agreed upon with clients.

Knows OpenSSL's names of it. Must not know who the clients are.
"""

from mitmproxy import ctx, tls
from OpenSSL import SSL

# With whoever knows no X25519, what OpenSSL would use without a hybrid.
_GROUPS = b"X25519:P-256:P-384:P-521"


class KeyExchange:
    """Prefers X25519, also to a hybrid that a client offers. It comes after what makes TLS."""

    def tls_start_client(self, starting: tls.TlsData) -> None:
        """Say so of the one connection, for it is not known of which context it is."""
        if starting.ssl_conn is None or starting.is_dtls or ctx.options.tls_ecdh_curve_client:
            return
        # pyOpenSSL has no name for it, and mitmproxy sets its versions in this way, too.
        SSL._lib.SSL_set1_curves_list(starting.ssl_conn._ssl, _GROUPS)  # type: ignore[attr-defined]  # noqa: SLF001
