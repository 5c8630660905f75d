"""What would become of an image, for a person who asks the running proxy.

Knows the rules in force, and the way to upstream. Must not know how it is shown.
"""

import os
from pathlib import Path

from mitmproxy import ctx
from mitmproxy.proxy.mode_specs import ProxyMode, UpstreamMode
from yarl import URL

from metahub.explaining.asker import Asker
from metahub.explaining.explanation import ExplainError, Explanation
from metahub.explaining.pull import explanations_of, image_named
from metahub.proxy.rules_in_force import RulesInForce
from metahub.upstream import AuthFiles, ImageReference, Route

_NOBODY = AuthFiles()


class Explainer:
    """Asks registries of the rules only: who may ask the proxy may not reach what it reaches."""

    def __init__(self, rules: RulesInForce) -> None:
        self._in_force = rules

    async def explanations(
        self, image: str, asker: Asker, *, plain_http: bool = False, logged_in: bool = False
    ) -> list[Explanation]:
        """What each machine type that `asker` stands for would get, by the rules in force.

        `logged_in` asks as the account that the proxy runs as is logged in with docker or podman,
        and otherwise nobody is. Raises ExplainError and UpstreamError.
        """
        rules, pulled = self._in_force.now(), image_named(image)
        if rules.registries.named(pulled.name.registry) is None:
            raise ExplainError(_not_asked(pulled))
        files = AuthFiles.of(os.environ, Path.home(), os.getuid()) if logged_in else _NOBODY
        route = _route(plain_http=plain_http)
        return await explanations_of(pulled, asker.machine_types(rules), rules, route, files)


def _not_asked(image: ImageReference) -> str:
    registry = image.name.registry
    return f"the rules do not list {registry}, so that it is not asked"


def _route(*, plain_http: bool) -> Route:
    """As the proxy itself reaches upstream."""
    ca, modes = ctx.options.ssl_verify_upstream_trusted_ca, map(ProxyMode.parse, ctx.options.mode)
    proxy = next((_next_proxy(mode) for mode in modes if isinstance(mode, UpstreamMode)), None)
    return Route(plain_http, Path(ca).expanduser() if ca else None, proxy)


def _next_proxy(mode: UpstreamMode) -> URL:
    host, port = mode.address
    user, _, password = (ctx.options.upstream_auth or "").partition(":")
    proxy = URL.build(scheme=mode.scheme, host=host, port=port)
    return proxy.with_user(user).with_password(password) if user else proxy
