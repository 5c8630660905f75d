"""Nodes that pull, all at once, what nobody has pulled before; and the moments of it.

Knows what a pull asks for, and what has to be so afterwards. Must not know what is killed.
"""

import http.client
import os
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

from metahub.demo.bench import TABLE, TAG, User
from metahub.demo.images import Blob, image_of
from tests.e2e.asking.asker import Asker, digest_of
from tests.e2e.asking.wire import Answer, NoTunnelError
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.upstreams.indexes import unseen
from tests.e2e.upstreams.odd_registry import OddRegistry, Reply

KILLS = int(os.environ.get("METAHUB_KILLS", "0"))
"""How many are wanted; 0 where nobody says."""

SEED = 20261125
LATE = 0.02  # seconds; the most that a kill comes after what it waits for
A_PULL = 5.0  # seconds within which all that is waited for comes, or has been
_PAUSE = 0.005  # seconds that upstream thinks before each piece of an answer


@dataclass(slots=True)
class Pull:
    """One node's: what it was answered, and whether the proxy was there to the end."""

    asker: Asker
    user: User
    said: list[Answer] = field(default_factory=list)

    def go_on(self) -> None:
        """Pull as containerd does, as long as there is a proxy."""
        try:
            self._pull()
        except (OSError, http.client.HTTPException, NoTunnelError):
            return  # the proxy is gone

    def _pull(self) -> None:
        head = self._note(self.asker.head(TAG))
        self._note(self.asker.get(head.headers["docker-content-digest"]))
        image = image_of(self.user.gets)
        self._note(self.asker.get(image.manifest.digest))
        self._note(self.asker.blob(image.layers[0].digest))

    def _note(self, answer: Answer) -> Answer:
        self.said.append(answer)
        assert answer.status == 200, answer
        return answer


@dataclass(frozen=True, slots=True)
class Round:
    """A repository that is new, and the nodes that pull it all at once."""

    repository: str
    index: Blob
    upstream: OddRegistry
    pulls: tuple[Pull, ...]

    def times(self, method: str, what: str) -> int:
        """How often upstream was asked."""
        return self.upstream.times(method, f"/v2/{self.repository}/{what}")

    @property
    def answers(self) -> int:
        """How many the nodes have got."""
        return sum(len(pull.said) for pull in self.pulls)


type Phase = Callable[[Round], bool]

PHASES: tuple[Phase, ...] = (
    lambda _: True,
    lambda now: now.times("HEAD", f"manifests/{TAG}") > 0,
    lambda now: now.times("GET", f"manifests/{now.index.digest}") > 0,
    lambda now: now.answers > 0,
    lambda now: now.answers > len(now.pulls),
    lambda now: now.times("GET", f"blobs/{_layer_of(now.pulls[0].user).digest}") > 0,
    lambda now: now.answers > 3 * len(now.pulls),
)
"""From the first connection to the last layer."""


def round_of(number: int, proxy: Proxy, upstream: OddRegistry) -> Round:
    """Another one for each number."""
    repository = f"killed/n{number}"
    index = unseen(repository)
    upstream.asked.clear()
    upstream.offer(repository, TAG, index, _PAUSE)
    for user in TABLE:
        image = image_of(user.gets)
        upstream.offer(repository, image.manifest.digest, image.manifest, _PAUSE)
        path = f"/v2/{repository}/blobs/{_layer_of(user).digest}"
        upstream[path] = Reply(_layer_of(user).content, pause=_PAUSE)
    return Round(repository, index, upstream, _pulls(repository, proxy, upstream))


def _pulls(repository: str, proxy: Proxy, upstream: OddRegistry) -> tuple[Pull, ...]:
    through = Asker.through
    return tuple(Pull(through(proxy, upstream.address, user, repository), user) for user in TABLE)


def _layer_of(user: User) -> Blob:
    return image_of(user.gets).layers[0]


def all_done(running: list[Future[None]]) -> bool:
    """True if there is nothing left to wait for."""
    return all(one.done() for one in running)


def assert_stands(pull: Pull) -> None:
    """By digest, each index is what it was said to be."""
    for answer in pull.said:
        digest = answer.headers.get("docker-content-digest")
        if digest is not None:
            again = pull.asker.get(digest)
            assert (again.status, digest_of(again)) == (200, digest)
            assert len(again.body) == int(answer.headers["content-length"])
            assert answer.body in {b"", again.body}


def assert_all_can_pull(now: Round) -> None:
    """To the end, and get what is theirs."""
    for pull in now.pulls:
        after = Pull(pull.asker, pull.user)
        after._pull()
        assert [digest_of(one) for one in after.said[2:]] == [
            str(image_of(pull.user.gets).manifest.digest),
            str(_layer_of(pull.user).digest),
        ]
