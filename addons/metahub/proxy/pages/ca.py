"""The CA, for nodes to trust: only what everybody may see of it.

Knows where it is kept, and in which forms it is handed out. Must not know its key.
"""

from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding
from mitmproxy import ctx

from metahub.node.authority import Authority, read_authority
from metahub.proxy.pages.page import Asked, Page

# https://www.rfc-editor.org/rfc/rfc8555#section-9.1
_PEM = "application/pem-certificate-chain"
# https://www.rfc-editor.org/rfc/rfc2585#section-4.1
_DER = "application/pkix-cert"


def authority() -> Authority:
    """The CA of this moment: it may be changed while the proxy runs. Raises AuthorityError."""
    return read_authority(Path(ctx.options.confdir).expanduser())


async def pem(_: Asked) -> Page:
    """All that is to be trusted: two certificates while one follows the other."""
    return Page(_PEM, authority().pem, headers=_named("metahub-ca.crt"))


async def der(_: Asked) -> Page:
    """The first of them, for what reads no PEM."""
    first = authority().certificates[0]
    return Page(_DER, first.public_bytes(Encoding.DER), headers=_named("metahub-ca.der"))


def _named(file: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{file}"'}
