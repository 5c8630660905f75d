"""One question at a time, for all who ask the same."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from yarl import URL

from metahub.demo.bench import REPOSITORY, TAG, qnib_bench
from metahub.proxy.shared_heads import SharedHeads
from metahub.proxy.upstream import Question, Reply, UnreachableError
from tests.e2e.asking.asker import Asker
from tests.e2e.proxies.rules import TYPE1, login_of, table
from tests.e2e.upstreams.odd_registry import OddRegistry
from tests.proxy.running import Serve

OF_TAG = Question(URL("https://registry.test/v2/a/manifests/b"), ((b"Accept", b"*/*"),))
WITH_LOGIN = Question(OF_TAG.url, (*OF_TAG.headers, (b"Authorization", b"Basic eDp5")))
HERD = 12


class Upstream:
    """Answers when it is told to, and counts what was sent and what was given up."""

    def __init__(self) -> None:
        self.sent: list[Question] = []
        self.given_up = 0
        self.waiting = 0
        self._answers: list[asyncio.Future[Reply]] = []

    async def head(self, question: Question) -> Reply:
        """The answer, once there is one."""
        self.sent.append(question)
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._answers.append(answer)
        self.waiting += 1
        assert self.waiting == 1 or len(set(self.sent)) > 1
        try:
            return await answer
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        finally:
            self.waiting -= 1

    def answer(self, status: int) -> None:
        """To the question that was sent last."""
        self._answers[-1].set_result(Reply(status, "", (), None))

    def fail(self) -> None:
        """To the question that was sent last."""
        self._answers[-1].set_exception(UnreachableError("nobody"))


type Scene = Callable[[Upstream, SharedHeads], Awaitable[None]]


def played(scene: Scene) -> Upstream:
    """A scene in an event loop of its own."""
    upstream = Upstream()
    with asyncio.Runner() as runner:
        runner.get_loop().set_task_factory(asyncio.eager_task_factory)  # as mitmproxy does
        runner.run(asyncio.wait_for(_whole(scene, upstream), 10))
    return upstream


async def _whole(scene: Scene, upstream: Upstream) -> None:
    await scene(upstream, SharedHeads(upstream.head))


async def settled() -> None:
    """All that can go on has gone on."""
    for _ in range(20):
        await asyncio.sleep(0)


def test_who_comes_while_one_is_under_way_waits_for_the_next() -> None:
    """A thousand cost two, and nobody is told what was so before it asked."""

    async def scene(upstream: Upstream, heads: SharedHeads) -> None:
        first = asyncio.create_task(heads.ask(OF_TAG))
        await settled()
        later = [asyncio.create_task(heads.ask(OF_TAG)) for _ in range(1000)]
        await settled()
        upstream.answer(404)
        await settled()
        assert (await first).status == 404
        upstream.answer(200)
        assert {reply.status for reply in await asyncio.gather(*later)} == {200}

    assert played(scene).sent == [OF_TAG, OF_TAG]


def test_another_login_is_another_question() -> None:
    """What one client may see says nothing of another."""

    async def scene(upstream: Upstream, heads: SharedHeads) -> None:
        asking = [asyncio.create_task(heads.ask(one)) for one in (OF_TAG, WITH_LOGIN)]
        await settled()
        assert upstream.sent == [OF_TAG, WITH_LOGIN]
        upstream.answer(200)
        await settled()
        assert [one.done() for one in asking] == [False, True]
        asking[0].cancel()

    played(scene)


def test_one_that_leaves_takes_nothing_from_the_others() -> None:
    """Also the one that came first of those who wait together."""

    async def scene(upstream: Upstream, heads: SharedHeads) -> None:
        first, leaving, staying = (asyncio.create_task(heads.ask(OF_TAG)) for _ in range(3))
        await settled()
        upstream.answer(404)
        await settled()
        leaving.cancel()
        await settled()
        upstream.answer(200)
        assert [(await one).status for one in (first, staying)] == [404, 200]
        assert leaving.cancelled()

    assert played(scene).given_up == 0


def test_nothing_is_asked_for_nobody() -> None:
    """When all have left, the question is given up, and the next is a new one."""

    async def scene(upstream: Upstream, heads: SharedHeads) -> None:
        leaving = [asyncio.create_task(heads.ask(OF_TAG)) for _ in range(2)]
        await settled()
        waiting = asyncio.create_task(heads.ask(OF_TAG))
        for one in (*leaving, waiting):
            one.cancel()
        await settled()
        asked = asyncio.create_task(heads.ask(OF_TAG))
        await settled()
        upstream.answer(200)
        assert (await asked).status == 200

    upstream = played(scene)
    assert (len(upstream.sent), upstream.given_up) == (2, 1)


def test_all_who_wait_hear_of_a_failure() -> None:
    """And the next is asked anew."""

    async def scene(upstream: Upstream, heads: SharedHeads) -> None:
        first, *others = [asyncio.create_task(heads.ask(OF_TAG)) for _ in range(3)]
        for together in ([first], others):
            await settled()
            upstream.fail()
            for one in together:
                with pytest.raises(UnreachableError):
                    await one
        again = asyncio.create_task(heads.ask(OF_TAG))
        await settled()
        upstream.answer(200)
        assert (await again).status == 200

    assert len(played(scene).sent) == 3


def test_a_herd_before_a_slow_upstream(serve: Serve, odd: OddRegistry) -> None:
    """Nodes that boot at once, and upstream hears of two of them at most at a time."""
    proxy = serve(table(odd.address))
    odd.offer(REPOSITORY, TAG, qnib_bench().index, pause=0.1)

    def pull(_: int) -> str:
        return Asker(proxy.wire(odd.address, login_of(TYPE1)), REPOSITORY).digest(TAG)

    with ThreadPoolExecutor(HERD) as nodes:
        assert len(set(nodes.map(pull, range(HERD)))) == 1
    assert 1 <= odd.times("HEAD", f"/v2/{REPOSITORY}/manifests/{TAG}") < HERD / 2
