"""Debian's docker-registry, really running."""

from pathlib import Path

import pytest

from metahub.demo.address import Login
from metahub.demo.bench import qnib_bench
from metahub.demo.client import Target, TransferError, connected
from metahub.demo.docker_registry import COMMAND, docker_registry
from metahub.demo.images import DOCKER, OCI, Format
from metahub.demo.program import ProgramError
from metahub.demo.tls import Authority, KeyPair, trusting
from tests.e2e.machine.parts import require

pytestmark = pytest.mark.e2e
LOGIN = Login("tim", "taler")


@pytest.fixture(autouse=True)
def _docker_registry() -> None:
    require(COMMAND)


@pytest.mark.parametrize("image_format", [OCI, DOCKER], ids=["oci", "docker"])
async def test_it_keeps_an_index_byte_for_byte(image_format: Format, tmp_path: Path) -> None:
    """Over TLS and with a login; `platform.features` stays."""
    authority = Authority.create("test")
    trust = trusting(authority.write(tmp_path / "ca.pem"))
    pair = authority.issue(tmp_path, "localhost")
    bench = qnib_bench(image_format)
    async with docker_registry(tmp_path, pair, "localhost", login=LOGIN) as address:
        async with connected(address, "qnib/bench", trust, login=LOGIN) as client:
            await client.push("latest", bench)
            assert await client.resolve("latest") == bench.index.digest
            assert await client.manifest(Target(bench.index.digest)) == bench.index
            await client.pull("latest", "amd64")
        async with connected(address, "qnib/bench", trust) as client:
            with pytest.raises(TransferError, match="expected 200, found 401 Unauthorized"):
                await client.resolve("latest")


async def test_it_tells_why_it_does_not_start(tmp_path: Path) -> None:
    """The error holds its own words."""
    pair = KeyPair(tmp_path / "missing.pem", tmp_path / "missing.key")
    with pytest.raises(ProgramError, match=r"(?s)^docker-registry ended with status 1; .*missing"):
        async with docker_registry(tmp_path, pair):
            pass
