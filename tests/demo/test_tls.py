"""A throw-away certificate authority."""

import asyncio
import ssl
from pathlib import Path

import pytest

from metahub.demo.tls import Authority, trusting


async def handshake(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> None:
    """Connect once, as a client that asks for `name`."""

    async def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    listener = await asyncio.start_server(close, "127.0.0.1", 0, ssl=server)
    async with listener:
        host, port = listener.sockets[0].getsockname()
        _, writer = await asyncio.open_connection(host, port, ssl=client, server_hostname=name)
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("name", ["reg.test", "127.0.0.1"])
async def test_who_trusts_the_authority_trusts_its_servers(name: str, tmp_path: Path) -> None:
    """By name and by address, in the strict checks of Python 3.13 and later as well."""
    authority = Authority.create("test")
    pair = authority.issue(tmp_path, "reg.test", "127.0.0.1")
    client = trusting(authority.write(tmp_path / "ca.pem"))
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    await handshake(pair.server_context(), client, name)


async def test_a_name_that_was_not_issued_is_not_trusted(tmp_path: Path) -> None:
    """A certificate is for its hosts alone."""
    authority = Authority.create("test")
    pair = authority.issue(tmp_path, "reg.test")
    client = trusting(authority.write(tmp_path / "ca.pem"))
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        await handshake(pair.server_context(), client, "other.test")


async def test_another_authority_of_the_same_name_is_not_trusted(tmp_path: Path) -> None:
    """Trust follows the key."""
    pair = Authority.create("test").issue(tmp_path, "reg.test")
    client = trusting(Authority.create("test").write(tmp_path / "ca.pem"))
    with pytest.raises(ssl.SSLCertVerificationError):
        await handshake(pair.server_context(), client, "reg.test")


def test_private_keys_are_for_their_owner_alone(tmp_path: Path) -> None:
    """The file is made closed, not closed afterwards."""
    pair = Authority.create("test").issue(tmp_path, "reg.test")
    assert pair.key.stat().st_mode & 0o777 == 0o600
