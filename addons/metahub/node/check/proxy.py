"""The steps up to the proxy: whether its name has an address, and whether MetaHub answers there.

Knows what is said of each. Must not know who is told of the proxy, nor what is behind it.
"""

import re
from dataclasses import dataclass

from metahub.node.check.proxy_url import ProxyUrl
from metahub.node.check.step import Step, listed
from metahub.node.check.way import Answer, NoAnswerError, UntrustedError, Way, addresses

NAME, ANSWER = "name", "answer"

_OURS = re.compile(r"\bMetaHub\b")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the port of the proxy answered. `date` is its clock, as HTTP says it."""

    step: Step
    is_metahub: bool = False
    date: str | None = None


def resolved(url: ProxyUrl) -> Step:
    """Whether the name of the proxy has an address."""
    try:
        found = addresses(url.host)
    except NoAnswerError as error:
        return Step.failed(
            NAME,
            f"The name {url.host} has no address: {error}.",
            f"Give {url.host} an address in DNS or /etc/hosts, or write the proxy's address into"
            " the URL.",
        )
    if found == [url.host]:
        return Step.works(NAME, f"{url.host} is an address.")
    return Step.works(NAME, f"{url.host} is {listed(found)}.")


async def asked(way: Way) -> Asked:
    """Whether MetaHub answers at the port of the proxy."""
    place = way.proxy.place
    try:
        health = await way.ask("/healthz")
        is_ours = _is_ours(health) or (health.status == 200 and _is_ours(await way.ask("/")))
    except NoAnswerError as error:
        remedy = "Start MetaHub there, let firewalls pass that port, or correct the URL."
        return Asked(Step.failed(ANSWER, f"{place} {error}.", remedy))
    except UntrustedError as error:
        return Asked(_untrusted(way.proxy, error))
    if not is_ours:
        return Asked(_another(way.proxy, health))
    works = Step.works(ANSWER, f"MetaHub answers at {place}.")
    return Asked(works, is_metahub=True, date=health.headers.get("date"))


def _is_ours(answer: Answer) -> bool:
    said = (answer.headers.get("server", ""), answer.headers.get("proxy-authenticate", ""))
    return any(map(_OURS.search, (*said, answer.body.decode(errors="replace"))))


def _another(url: ProxyUrl, health: Answer) -> Step:
    name = health.headers.get("server") or health.headers.get("via")
    who = f"{name} answers" if name else "something answers"
    return Step.failed(
        ANSWER,
        f"At {url.place} {who}, and not MetaHub: it says {health.words} to /healthz.",
        f"Write MetaHub's own host and port into the URL. If {url.place} is the way out of this"
        " network, MetaHub goes by it: its option `mode: [upstream:URL]`.",
    )


def _untrusted(url: ProxyUrl, error: UntrustedError) -> Step:
    return Step.failed(
        ANSWER,
        f"The certificate of {url.place} itself is not trusted: {error}.",
        "Trust the CA of the proxy, or speak to it without TLS: http:// instead of https://",
    )
