"""`metahub serve` beside the demo."""

import asyncio
import re
from pathlib import Path

import pytest

from metahub.demo.address import Address
from metahub.demo.program import ProgramError
from metahub.demo.proxy import serving
from metahub.demo.rules import rules_of
from metahub.demo.tls import Authority, trusting

pytestmark = pytest.mark.e2e

REGISTRY = Address("reg.test", 5000)


@pytest.fixture(name="authority")
def registry_authority(tmp_path: Path) -> Path:
    """An authority that some registry may have."""
    return Authority.create("test").write(tmp_path / "registry-ca.pem")


async def test_it_listens_until_the_end(authority: Path, tmp_path: Path) -> None:
    """And has its own authority, for nodes to trust."""
    async with serving(tmp_path, rules_of(REGISTRY), authority) as proxy:
        host, port = proxy.address.host, proxy.address.port
        _, writer = await asyncio.open_connection(host, port)
        writer.close()
        await writer.wait_closed()
        assert trusting(proxy.authority).get_ca_certs()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(host, port)


async def test_it_tells_why_it_does_not_start(authority: Path, tmp_path: Path) -> None:
    """The error holds what it said."""
    message = r"metahub serve ended with status 1; the last that it said:"
    with pytest.raises(ProgramError, match=f"^{re.escape(message)}(?s:.*)machine_typos"):
        async with serving(tmp_path, "machine_typos: {}", authority):
            pass
