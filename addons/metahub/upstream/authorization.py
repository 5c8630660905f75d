"""What to show a registry that answers 401: a login, or a token that a service gives for it.

Knows Basic and the token protocol. Must not know what is asked for with it.
"""

import json
from typing import Any

from yarl import URL

from metahub.core.distribution import ImageName
from metahub.upstream.challenge import Challenge
from metahub.upstream.login import Login
from metahub.upstream.upstream_error import UpstreamError
from metahub.upstream.wire import Question, Reply, Wire

_CLIENT = "metahub"


async def authorization(
    challenge: Challenge, image: ImageName, login: Login | None, wire: Wire, scheme: str
) -> str | None:
    """The value of `Authorization`; None if there is nothing to show. Raises UpstreamError.

    `scheme` is that of the registry: who speaks TLS is sent to a token service that does, too.
    https://distribution.github.io/distribution/spec/auth/token/
    """
    if challenge.scheme == "basic":
        return login.header if login and not login.identity_token else None
    realm = _realm(challenge, scheme)
    asked = _asked(challenge, image)
    reply = await wire.ask(_question(realm, asked, login))
    return f"Bearer {_token(reply, realm, login)}"


def _realm(challenge: Challenge, scheme: str) -> URL:
    try:
        realm = URL(challenge.parameters.get("realm", ""))
    except ValueError:
        realm = URL()
    if realm.scheme not in ("https", scheme) or not realm.host:
        raise UpstreamError(f"the registry names no token service with {scheme.upper()}")
    return realm.with_user(None)


def _asked(challenge: Challenge, image: ImageName) -> dict[str, str]:
    scope = challenge.parameters.get("scope") or f"repository:{image.repository}:pull"
    service = challenge.parameters.get("service")
    return {"scope": scope} | ({"service": service} if service else {})


def _question(realm: URL, asked: dict[str, str], login: Login | None) -> Question:
    if login and login.identity_token:
        form = {"grant_type": "refresh_token", "client_id": _CLIENT} | asked
        return Question("POST", realm, form=form | {"refresh_token": login.identity_token})
    headers = {"Authorization": login.header} if login else {}
    return Question("GET", realm.update_query(asked), headers)


def _token(reply: Reply, realm: URL, login: Login | None) -> str:
    service = f"the token service {realm.host}"
    if reply.status in (400, 401, 403):
        whose = f"the login from {login.kept_in}" if login else "to be asked without a login"
        raise UpstreamError(f"{service} does not take {whose} ({reply.status_line})")
    if reply.status != 200:
        raise UpstreamError(f"{service} answers {reply.status_line}")
    try:
        answer: Any = json.loads(reply.body)
        return _printable(answer.get("token") or answer["access_token"])
    except (ValueError, LookupError, AttributeError, TypeError, RecursionError) as error:
        raise UpstreamError(f"{service} answers without a token") from error


def _printable(token: str) -> str:
    """What fits in a header. Raises ValueError."""
    if not (token.isascii() and token.isprintable()):
        raise ValueError("expected a token")
    return token
