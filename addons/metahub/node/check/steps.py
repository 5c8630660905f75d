"""The steps from nothing to a node that pulls through MetaHub, tried one after the other.

Knows which step needs which. Must not know what is said of any.
"""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field

from metahub.core.registry import DOCKER_HUB, Registry, api_host
from metahub.node.check import behind, proxy
from metahub.node.check.anchors import TrustStore, believing, certificates
from metahub.node.check.look import PROXY, Looked, look
from metahub.node.check.no_proxy import is_local
from metahub.node.check.node import Node
from metahub.node.check.proxy_url import ProxyUrl
from metahub.node.check.root import UnreadableError
from metahub.node.check.runtime import Runtime
from metahub.node.check.step import Outcome, Step
from metahub.node.check.trust import TRUST, Shown, Trusting, permitted
from metahub.node.check.way import Answer, NoAnswerError, NoTunnelError, UntrustedError, Way
from metahub.node.check.whoami import URL

NAMES = (
    PROXY,
    proxy.NAME,
    proxy.ANSWER,
    behind.CREDENTIALS,
    TRUST,
    behind.REGISTRY,
    behind.MACHINE_TYPE,
)
_PING = "/v2/"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be checked. Without a proxy, it is the one that the runtime is told to use."""

    runtime: Runtime
    proxy: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    """For a given proxy whose URL has a user only."""
    registry: Registry | None = None
    """Without one, it is the first that MetaHub names."""


@dataclass(frozen=True, slots=True)
class Checked:
    """How each step came out, in the order of NAMES."""

    runtime: str
    proxy: str | None
    registry: str | None
    steps: tuple[Step, ...]

    @property
    def count(self) -> int:
        """How many steps work."""
        return sum(step.outcome is Outcome.WORKS for step in self.steps)

    @property
    def works(self) -> bool:
        """Whether all of them do."""
        return self.count == len(self.steps)

    def as_json(self) -> dict[str, object]:
        """All of it, for scripts."""
        return {
            "runtime": self.runtime,
            "proxy": self.proxy,
            "registry": self.registry,
            "works": self.works,
            "steps": [step.as_json() for step in self.steps],
        }


def check(node: Node, wanted: Wanted) -> Checked:
    """Try all steps. It takes a minute at most, however slowly things are answered."""
    looked = look(node, wanted.runtime, wanted.proxy, wanted.password)
    return asyncio.run(_tried(node, wanted, looked))


async def _tried(node: Node, wanted: Wanted, looked: Looked) -> Checked:
    meant = [wanted.registry] if wanted.registry else []
    if looked.url is None:
        return _checked(looked, meant, [])
    named = proxy.resolved(looked.url)
    if named.outcome is not Outcome.WORKS:
        return _checked(looked, meant, [named])
    way = _way(node, looked, looked.url)
    asked = await proxy.asked(way)
    if not asked.is_metahub:
        return _checked(looked, meant, [named, asked.step])
    behind_it = await _met(way)
    registries = meant or behind_it.registries
    subject = next((one for one in registries if not looked.excluded(one)), registries[0])
    trying = _Trying(node, looked, way, behind_it, subject, asked.date)
    return _checked(looked, registries, [named, asked.step, *await trying.steps()], subject)


def _way(node: Node, looked: Looked, url: ProxyUrl) -> Way:
    """Where the proxy speaks TLS itself, it is to be believed as any server."""
    if url.scheme != "https":
        return Way(url)
    return Way(url, TrustStore.of(node.root, looked.told.environment, ()).context())


@dataclass(frozen=True, slots=True)
class _Met:
    """What MetaHub says of itself and of this node."""

    ca: tuple[bytes, ...]
    who: Answer | NoAnswerError

    @property
    def registries(self) -> list[Registry]:
        """Those that it names, or that its CA may sign for; at least one."""
        who = behind.known(self.who)
        names = (who.registries if who else ()) or _nameable(permitted(self.ca)) or [DOCKER_HUB]
        return [_registry(name) for name in names]


async def _met(way: Way) -> _Met:
    return _Met(await _authority(way), await _who(way))


async def _authority(way: Way) -> tuple[bytes, ...]:
    try:
        return certificates((await way.ask("/ca.crt")).body)
    except NoAnswerError:
        return ()


async def _who(way: Way) -> Answer | NoAnswerError:
    try:
        return await way.ask_itself(URL)
    except NoAnswerError as error:
        return error


@dataclass(frozen=True, slots=True)
class _Trying:
    """The steps behind a proxy that is MetaHub."""

    node: Node
    looked: Looked
    way: Way
    met: _Met
    registry: Registry
    date: str | None

    async def steps(self) -> list[Step]:
        """From the credentials on, as far as they can be tried."""
        if isinstance(self.met.who, Answer) and behind.is_refusal(self.met.who):
            return [self._turned_away(self.met.who)]
        try:
            store = self._store()
            shown = await self._shown(store)
        except UnreadableError as error:
            trusted = Step.failed(TRUST, str(error), error.remedy)
            return [self._let_in, trusted, Step.not_tried(behind.REGISTRY, TRUST), self._known]
        except NoTunnelError as error:
            return self._without_tunnel(error.answer)
        except NoAnswerError as error:
            return self._without_answer(error)
        trusted = self._trusting(store).step(shown)
        return [self._let_in, trusted, await self._answered(store, shown), self._known]

    async def _shown(self, store: TrustStore) -> Shown:
        leaf, by_store = await self._handshake(store.context())
        by_ca = None
        if self.met.ca:
            again, by_ca = await self._handshake(believing(self.met.ca))
            leaf = leaf or again
        return Shown(leaf or (await self._handshake(_believing_all()))[0], by_store, by_ca)

    async def _handshake(self, trusted: ssl.SSLContext) -> tuple[bytes, UntrustedError | None]:
        try:
            return await self.way.certificate(*self.registry.api, trusted), None
        except UntrustedError as error:
            return b"", error

    async def _answered(self, store: TrustStore, shown: Shown) -> Step:
        """Over TLS that the runtime believes, or else who trusts MetaHub's CA."""
        if shown.by_store and (shown.by_ca or not self.met.ca):
            return Step.not_tried(behind.REGISTRY, TRUST)
        trusted = believing(self.met.ca) if shown.by_store else store.context()
        try:
            answer = await self.way.ask_through(*self.registry.api, trusted, _PING)
        except (NoTunnelError, NoAnswerError, UntrustedError) as error:
            return behind.silent(self.registry, str(error))
        return behind.answered(self.registry, answer)

    def _store(self) -> TrustStore:
        extra = self.looked.runtime.certificates(self.node, self.registry)
        return TrustStore.of(self.node.root, self.looked.told.environment, extra)

    def _trusting(self, store: TrustStore) -> Trusting:
        return Trusting(
            self.node,
            self.looked.runtime,
            self.registry,
            self.way.proxy,
            store,
            self.looked.told.daemon,
            self.met.ca,
            self.date,
        )

    def _without_tunnel(self, answer: Answer) -> list[Step]:
        if behind.is_refusal(answer):
            return [self._turned_away(answer)]
        trusted = Step.not_tried(TRUST, behind.REGISTRY)
        return [self._let_in, trusted, behind.no_tunnel(self.registry, answer), self._known]

    def _without_answer(self, error: NoAnswerError) -> list[Step]:
        if isinstance(self.met.who, NoAnswerError):
            return [behind.not_let_in(error)]
        trusted = Step.not_tried(TRUST, behind.REGISTRY)
        return [self._let_in, trusted, behind.silent(self.registry, str(error)), self._known]

    def _turned_away(self, answer: Answer) -> Step:
        looked = self.looked
        return behind.turned_away(self.way.proxy, looked.setting, answer, looked.anew)

    @property
    def _let_in(self) -> Step:
        return behind.let_in(self.way.proxy)

    @property
    def _known(self) -> Step:
        return behind.taken_for(behind.known(self.met.who))


def _believing_all() -> ssl.SSLContext:
    """For a look at a certificate that nobody believes; nothing is asked over it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _nameable(hosts: Sequence[str]) -> list[str]:
    """Of what a CA may sign for, also ranges and this machine itself, what a registry may be."""
    return [host for host in hosts if not is_local(host) and _is_registry(host)]


def _is_registry(host: str) -> bool:
    try:
        Registry.parse(host)
    except ValueError:
        return False
    return True


def _registry(name: str) -> Registry:
    """By its name, or by the host where its API answers, for which a CA signs."""
    is_hub = name == api_host(DOCKER_HUB)
    return Registry.parse(DOCKER_HUB if is_hub else name)


def _checked(
    looked: Looked,
    registries: Sequence[Registry],
    steps: Sequence[Step],
    subject: Registry | None = None,
) -> Checked:
    """All steps; those that are missing need the last one that was tried."""
    tried = [looked.step(registries), *steps]
    missing = [Step.not_tried(name, tried[-1].name) for name in NAMES[len(tried) :]]
    meant = subject or next(iter(registries), None)
    return Checked(
        looked.runtime.name,
        str(looked.url) if looked.url else None,
        meant.name if meant else None,
        (*tried, *missing),
    )
