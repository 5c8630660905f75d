"""The proxy's own pages: which there are, and how they are asked for.

Knows paths and methods. Must not know what any page says.
"""

import logging
from collections.abc import Mapping
from email.utils import formatdate

from mitmproxy import http

import metahub
from metahub.core.distribution import short_name
from metahub.node.authority import AuthorityError
from metahub.proxy import responses
from metahub.proxy.failures import BUG
from metahub.proxy.gate import Gate
from metahub.proxy.itself import Itself
from metahub.proxy.kept_flows import PASSING
from metahub.proxy.metrics import Metrics
from metahub.proxy.pages import ca, probes
from metahub.proxy.pages.front import Front
from metahub.proxy.pages.page import Answer, Asked, Page
from metahub.proxy.pages.probes import Measurements, Readiness
from metahub.proxy.pages.proxy_address import MalformedHostError
from metahub.proxy.pages.set_up import SetUp
from metahub.proxy.pages.status import Status
from metahub.proxy.pages.whoami import WhoAmI
from metahub.proxy.rules_in_force import RulesInForce
from metahub.proxy.streams import has_body

logger = logging.getLogger(__name__)

_METHODS = ("GET", "HEAD")
_REGISTRY_API = "/v2/"
_STATUS = "/status"
_FAILED = "MetaHub failed, and its log says how."

# A body that nobody needs is read to its end before the answer is given, if it ends soon.
_MOST_BODY_BYTES = 64 * 1024

_ALWAYS = {
    "Server": f"MetaHub/{metahub.__version__}",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Pages:
    """Answers what the proxy itself is asked, before anything is sent to anybody.

    A page is a line of a table. Of a folder, what is asked for is the `name` of the question.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - each has pages of its own
        self,
        rules: RulesInForce,
        gate: Gate,
        itself: Itself,
        readiness: Readiness,
        metrics: Metrics,
        status: Status,
    ) -> None:
        self._gate = gate
        self._itself = itself
        front = Front(rules, gate)
        self._pages: Mapping[str, Answer] = {
            "/": front.page,
            "/login": front.login,
            "/whoami": WhoAmI(rules, front).page,
            "/ca.crt": ca.pem,
            "/ca.der": ca.der,
            "/healthz": probes.health,
            "/readyz": readiness.page,
            "/metrics": Measurements(metrics).page,
            **status.pages,
        }
        self._folders: Mapping[str, Answer] = {"/setup/": SetUp(rules).page, **status.folders}
        self._status = status

    def done(self) -> None:
        """Give the threads back that operators' passwords are hashed in."""
        self._status.done()

    async def requestheaders(self, flow: http.HTTPFlow) -> None:
        """Answer a request to the proxy itself, if the gate has let it in."""
        if flow.is_replay or flow.response or not await self._itself.is_asked(flow):
            return
        credentials = flow.request.headers.pop("Authorization", None)
        if _has_long_body(flow.request):
            flow.kill()
            return
        flow.response = await self._answer(flow, credentials)

    async def _answer(self, flow: http.HTTPFlow, credentials: str | None) -> http.Response:
        path, _, query = flow.request.path.partition("?")
        asked = self._asked(flow, path.rpartition("/")[2], query, credentials)
        if f"{path}/".startswith(_REGISTRY_API):
            return responses.not_mirrored(flow.request, _no_registry(asked))
        if path.startswith(_STATUS):
            flow.metadata[PASSING] = True
        page = await self._page(flow.request.method, path, asked)
        dated = {**_ALWAYS, "Date": formatdate(usegmt=True)}
        headers = {**dated, "Content-Type": page.content_type, **page.headers}
        return responses.own(flow.request, page.status, _headers(headers), page.body)

    async def _page(self, method: str, path: str, asked: Asked) -> Page:
        folder = path.removesuffix(asked.name)
        answer = self._pages.get(path) or self._folders.get(folder)
        if answer is None:
            return Page.text(f"There is no page {short_name(path)}. See /", 404)
        if method not in _METHODS:
            return Page.text("Pages are only read.", 405, {"Allow": ", ".join(_METHODS)})
        return await _made(answer, asked)

    def _asked(self, flow: http.HTTPFlow, name: str, query: str, credentials: str | None) -> Asked:
        request = flow.request
        return Asked(
            name=name,
            host=request.host_header or "",
            accept=request.headers.get("Accept", ""),
            credentials=credentials,
            peer=flow.client_conn,
            visit=self._gate.visit(flow),
            headers=request.headers,
            query=query,
        )


async def _made(answer: Answer, asked: Asked) -> Page:
    try:
        return await answer(asked)
    except AuthorityError as error:
        return Page.text(f"The CA cannot be given: {error}", 503)
    except MalformedHostError as error:
        return Page.text(f"This page names the proxy as it was asked: {error}", 400)
    except Exception:  # mitmproxy would let the request go on, to whatever host it names
        logger.exception(BUG)
        return Page.text(_FAILED, 500)


def _has_long_body(request: http.Request) -> bool:
    length = request.headers.get("Content-Length", "")
    is_short = length.isdecimal() and int(length) <= _MOST_BODY_BYTES
    return has_body(request) and ("Transfer-Encoding" in request.headers or not is_short)


def _no_registry(asked: Asked) -> str:
    try:
        there = asked.proxy.url if asked.proxy else ""
    except MalformedHostError:
        there = ""
    set_it = f"set HTTPS_PROXY={there}" if there else "set HTTPS_PROXY to it"
    return f"MetaHub: this is a proxy and no registry: {set_it} and pull by the image's own name"


def _headers(named: Mapping[str, str]) -> http.Headers:
    return http.Headers([(name.encode(), value.encode()) for name, value in named.items()])
