"""The steps behind the proxy: credentials, a registry, and whom MetaHub takes this node for.

Knows what is said of each. Must not know the files of a node.
"""

import json
from http import HTTPStatus

from metahub.core.registry import Registry
from metahub.node.check.proxy_url import ProxyUrl
from metahub.node.check.setting import Setting
from metahub.node.check.step import Step
from metahub.node.check.way import Answer, NoAnswerError
from metahub.node.check.whoami import WhoAmI

CREDENTIALS, REGISTRY, MACHINE_TYPE = "credentials", "registry", "machine type"

_REFUSALS = frozenset({HTTPStatus.PROXY_AUTHENTICATION_REQUIRED, HTTPStatus.TOO_MANY_REQUESTS})
_ANSWERS = frozenset({HTTPStatus.OK, HTTPStatus.UNAUTHORIZED})
_MAX_WORDS = 500  # characters of what somebody else says


def is_refusal(answer: Answer) -> bool:
    """Whether the proxy did not let a client in."""
    return answer.status in _REFUSALS


def let_in(url: ProxyUrl) -> Step:
    """The proxy took what the URL says of who asks."""
    if url.user is None:
        return Step.works(CREDENTIALS, "The proxy asks for none, and the URL has none.")
    return Step.works(CREDENTIALS, f"The proxy takes the user {url.user!r} and its password.")


def turned_away(url: ProxyUrl, setting: Setting | None, answer: Answer, anew: str) -> Step:
    """It did not. `anew` is how what is told is told again."""
    sentence = f"The proxy says {answer.words!r}."
    if url.user is None:
        example = f"{url.scheme}://USER:PASSWORD@{url.place}"
        remedy = f"Put a user of MetaHub's rules into the URL: {example}"
        return Step.failed(CREDENTIALS, sentence, remedy)
    where = setting.where if setting else "--proxy"
    raw = (
        "It has an @, which is %40 in a URL."
        if url.has_raw_at
        else "What is no letter or digit in it is %XX in a URL: a % is %25."
    )
    remedy = f"Correct the user {url.user!r} or its password in {where}. {raw}{anew}"
    return Step.failed(CREDENTIALS, sentence, remedy)


def not_let_in(error: NoAnswerError) -> Step:
    """Nobody knows whether it does."""
    remedy = "Look into MetaHub's log, and ask again."
    return Step.failed(CREDENTIALS, f"The proxy {error}.", remedy)


def answered(registry: Registry, answer: Answer) -> Step:
    """What a registry said to GET /v2/."""
    name = registry.name
    if answer.status in _ANSWERS:
        wants = " and asks for a login" if answer.status == HTTPStatus.UNAUTHORIZED else ""
        return Step.works(REGISTRY, f"{name} answers {answer.status} to GET /v2/{wants}.")
    sentence = f"GET /v2/ of {name} is answered {answer.status}: {_words(answer)}."
    return Step.failed(REGISTRY, sentence, _remedy(answer.status, name))


def no_tunnel(registry: Registry, answer: Answer) -> Step:
    """The proxy let the client in, but not through."""
    sentence = f"The proxy opens no way to {registry.name}: it says {answer.words!r}."
    return Step.failed(REGISTRY, sentence, _remedy(answer.status, registry.name))


def silent(registry: Registry, error: str) -> Step:
    """Something went wrong behind the proxy, and nothing came back."""
    sentence = f"Asked for {registry.name}, the proxy {error}."
    return Step.failed(REGISTRY, sentence, _remedy(HTTPStatus.GATEWAY_TIMEOUT, registry.name))


def known(answer: Answer | NoAnswerError) -> WhoAmI | None:
    """Who MetaHub says that asks; None if it does not say it."""
    if isinstance(answer, NoAnswerError) or answer.status != HTTPStatus.OK:
        return None
    try:
        return WhoAmI.parse(answer.body)
    except ValueError:
        return None


def taken_for(who: WhoAmI | None) -> Step:
    """Whether MetaHub knows the machine type of this node."""
    if who is None:
        remedy = "Have a MetaHub there that tells it: this one is older."
        return Step.failed(MACHINE_TYPE, "The proxy does not tell who this node is.", remedy)
    why = who.why.removesuffix(".")
    if who.machine_type is None:
        return Step.failed(
            MACHINE_TYPE,
            f"MetaHub takes this node for {who.client}, of no machine type: {why}.",
            "Give the URL a user of MetaHub's rules, or add this node's address to `clients` there;"
            " until then images come as they are.",
        )
    offers = f" ({', '.join(who.features)})" if who.features else ""
    of_type = f"of type {who.machine_type}{offers}"
    return Step.works(MACHINE_TYPE, f"MetaHub takes this node for {who.client}, {of_type}: {why}.")


def _words(answer: Answer) -> str:
    """The message of a registry's error, or the status line where there is none.

    https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes
    """
    try:
        said = str(json.loads(answer.body)["errors"][0]["message"])
    except (ValueError, LookupError, TypeError):
        said = answer.reason
    return " ".join(said.split())[:_MAX_WORDS].rstrip(".") or "no words"


def _remedy(status: int, name: str) -> str:
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return f"Look at MetaHub's own way to {name}, from where it runs."
    return f"Look into MetaHub's log, and ask whoever runs {name}."
