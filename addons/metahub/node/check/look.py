"""The first step: which proxy a runtime is told to use, and where it is told so.

Knows what is said of it. Must not know whether the proxy is any good.
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field

from metahub.core.registry import Registry
from metahub.node.check.no_proxy import covering, is_local
from metahub.node.check.node import Node
from metahub.node.check.proxy_url import ProxyUrl, ProxyUrlError
from metahub.node.check.root import UnreadableError
from metahub.node.check.runtime import Runtime
from metahub.node.check.setting import HTTP_PROXY, HTTPS_PROXY, NO_PROXY, Setting, found
from metahub.node.check.step import Step, listed
from metahub.node.check.told import Told, told

PROXY = "proxy"
_OURS = "/etc/metahub/"  # where the set-up of a service writes what tells it


@dataclass(frozen=True, slots=True)
class Looked:
    """What a runtime of a node is told. `setting` is what tells it; None if a person does.

    `fault` says why that is no proxy to ask, or not the one that it asks.
    """

    node: Node = field(repr=False)
    runtime: Runtime
    told: Told
    setting: Setting | None = None
    url: ProxyUrl | None = None
    fault: Step | None = None

    def step(self, registries: Sequence[Registry]) -> Step:
        """Whether it asks a proxy for these registries."""
        if self.fault:
            return self.fault
        if self.setting is None:
            return Step.works(PROXY, f"--proxy says {self.url}; no file was asked.")
        return self._past_it(registries) or Step.works(
            PROXY,
            f"{self.runtime.name} is told of {self.url} by {self.setting.name} in"
            f" {self.setting.where}.",
        )

    @property
    def anew(self) -> str:
        """How the runtime comes to another user or password, behind what is to be corrected."""
        if self.setting is None or self.url is None or not self.runtime.units:
            return ""
        if not self.setting.where.startswith(_OURS):
            return f" Then: {self.runtime.restart(self.node)}"
        script = f"curl -fsS {self.url.url}/setup/{self.runtime.name}"
        command = f"{script} | sudo sh -s -- --user {shlex.quote(self.url.user or 'USER')}"
        return f" This does it all, and asks for the password: {command}"

    def excluded(self, registry: Registry) -> str | None:
        """What of NO_PROXY has the runtime go past the proxy to a registry."""
        no_proxy = self.told.setting(NO_PROXY) if self.setting else None
        return covering(no_proxy.value, *registry.api) if no_proxy else None

    def _past_it(self, registries: Sequence[Registry]) -> Step | None:
        here = [registry.name for registry in registries if is_local(registry.api[0])]
        if here:
            sentence = f"No runtime asks a proxy for this machine itself: {listed(here)}."
            return Step.failed(PROXY, sentence, "Call it by another name of this machine.")
        words = {one.name: word for one in registries if (word := self.excluded(one))}
        no_proxy = self.told.setting(NO_PROXY)
        if not words or no_proxy is None:
            return None
        covers = listed([f"{name} (as {word})" for name, word in words.items()])
        return Step.failed(
            PROXY,
            f"{self.runtime.name} is told of {self.url}, but goes past it to {covers}, for"
            f" {no_proxy.name} in {no_proxy.where} says so.",
            f"Take that out of {no_proxy.name}{_then(self.node, self.runtime)}",
        )


def look(node: Node, runtime: Runtime, given: str | None, password: str | None) -> Looked:
    """Find out which proxy a runtime is told to use, unless a URL is given.

    `password` goes with that, if it has a user and no password of its own.
    """
    try:
        said = told(node, runtime)
    except UnreadableError as error:
        said = Told({})
        if given is None:
            unread = Step.failed(PROXY, str(error), error.remedy)
            return Looked(node, runtime, said, fault=unread)
    setting = None if given else said.setting(HTTPS_PROXY)
    text = given or (setting.value if setting else None)
    if text is None:
        return Looked(node, runtime, said, fault=_not_told(node, runtime, said))
    fault = None if given else _fault(node, runtime, said)
    try:
        url = ProxyUrl.parse(text).with_password(password if given else None)
    except ProxyUrlError as error:
        fault = fault or _malformed(node, runtime, setting, error)
        return Looked(node, runtime, said, setting, fault=fault)
    return Looked(node, runtime, said, setting, url, fault)


def _not_told(node: Node, runtime: Runtime, said: Told) -> Step:
    plain = said.setting(HTTP_PROXY)
    if plain:
        return Step.failed(
            PROXY,
            f"{runtime.name} has {plain.name} in {plain.where}, but no {HTTPS_PROXY}, by which"
            " registries with TLS are reached.",
            f"Set {HTTPS_PROXY} there, too{_then(node, runtime)}",
        )
    where = _where(node, runtime)
    sentence = f"{runtime.name} is told of no proxy: there is no {HTTPS_PROXY} in {where}."
    return Step.failed(PROXY, sentence, _set_up(runtime))


def _fault(node: Node, runtime: Runtime, said: Told) -> Step | None:
    setting = found(said.files, HTTPS_PROXY)
    if setting and setting.mistake:
        return Step.failed(
            PROXY,
            f"{setting.name} does not arrive as it stands in {setting.where}: {setting.mistake}.",
            f"Write each % there as %%{_then(node, runtime)}",
        )
    waiting = said.not_taken(HTTPS_PROXY) or said.not_taken(NO_PROXY)
    if waiting is None:
        return None
    return Step.failed(
        PROXY,
        f"{waiting.name} stands in {waiting.where}, but {said.daemon} runs without it, or with"
        " what stood there before.",
        f"Restart it: {runtime.restart(node)}",
    )


def _malformed(node: Node, runtime: Runtime, setting: Setting | None, error: ProxyUrlError) -> Step:
    what = f"{setting.name} in {setting.where}" if setting else "What --proxy says"
    then = _then(node, runtime) if setting else "."
    return Step.failed(PROXY, f"{what} {error}.", f"{error.remedy}{then}")


def _where(node: Node, runtime: Runtime) -> str:
    unit = runtime.unit(node)
    first = f"{unit.name} and its drop-ins" if unit else "the environment"
    return f"{first} nor in {runtime.file}" if runtime.file else first


def _set_up(runtime: Runtime) -> str:
    if runtime.name == "system":
        return "Set it: export HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT"
    script = f"http://HOST:PORT/setup/{runtime.name}"
    return f"Set it up, with MetaHub's host and port: curl -fsS {script} | sudo sh"


def _then(node: Node, runtime: Runtime) -> str:
    """What ends a remedy: a daemon reads nothing anew by itself."""
    return f", then: {runtime.restart(node)}" if runtime.units else "."
