"""The scene, as a whole."""

import asyncio
import contextlib
from dataclasses import replace

import pytest

from metahub.demo import docker_registry
from metahub.demo.bench import BROADWELL, BROADWELL_WITH_GPU, GENERIC, SKYLAKE, TABLE, qnib_bench
from metahub.demo.images import image_of
from metahub.demo.scene import IN_PROCESS, on_stage
from tests.e2e.machine.parts import require

pytestmark = pytest.mark.e2e

KINDS = [IN_PROCESS, pytest.param(docker_registry.COMMAND, marks=pytest.mark.e2e)]


@pytest.mark.parametrize("kind", KINDS)
async def test_the_table_comes_true(kind: str) -> None:
    """Every user gets its build through the proxy, and the generic one without."""
    if kind == docker_registry.COMMAND:
        require(kind)
    async with on_stage(use_docker_registry=kind == docker_registry.COMMAND) as scene:
        outcome = await scene.play()
        assert (outcome.is_right, outcome.registry) == (True, kind)
        lines = [seen.printed.line for seen in outcome.by_user.values()]
        builds = [BROADWELL, SKYLAKE, GENERIC, BROADWELL_WITH_GPU]
        assert lines == [build.line for build in builds]
        assert outcome.without.printed.line == GENERIC.line
    assert not scene.directory.exists()


async def test_every_user_gets_an_index_of_its_own() -> None:
    """For the same machine type always the same; the manifests in it are upstream's."""
    async with on_stage(use_docker_registry=False) as scene:
        outcome, again = await scene.play(), await scene.play(TABLE[:1])
        assert len({seen.digest for seen in outcome.by_user.values()}) == len(TABLE)
        assert again.by_user[TABLE[0]] == outcome.by_user[TABLE[0]]
        for user, seen in outcome.by_user.items():
            build = replace(user.gets, architecture=scene.architecture)
            assert seen.manifest == image_of(build).manifest.digest
        assert scene.upstream == qnib_bench(architectures=[scene.architecture]).index.digest


async def test_the_registry_is_on_loopback_alone() -> None:
    """Whatever name it shall have."""
    with pytest.raises(ValueError, match=r"^192\.0\.2\.1 is 192\.0\.2\.1, expected an address"):
        async with on_stage(use_docker_registry=False, host="192.0.2.1"):
            pass


async def test_nothing_is_left_when_it_is_interrupted() -> None:
    """As Ctrl-C does it: the waiting is cancelled."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(None) as ending, on_stage(use_docker_registry=False) as scene:
            ending.reschedule(0)
            await asyncio.Event().wait()
    assert ending.expired()
    assert not scene.directory.exists()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(scene.proxy.address.host, scene.proxy.address.port)
