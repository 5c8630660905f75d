"""Questions to the status page.

Knows how they are asked, and by whom. Must not know what is answered.
"""

import base64
import json
from collections.abc import Mapping
from contextlib import closing

from metahub.core.decision import Decision
from metahub.demo.address import Address, Login
from metahub.demo.rules import HASHER
from metahub.store import SqlStore
from tests.e2e.asking.wire import Answer
from tests.e2e.proxies.rules import TYPE2, Rules, table, with_networks
from tests.proxy.asking_pages import BROWSER, direct
from tests.proxy.running import ProxyInThread

ALICE = Login("alice", "hers")
SITE = {"Host": "proxy.example:8080"}


def with_operators(rules: Rules, *logins: Login) -> Rules:
    """These rules, with operators."""
    operators = [
        {"user": login.user, "password_hash": HASHER.hash(login.password)} for login in logins
    ]
    return rules | {"operators": operators}


def basic(login: Login) -> dict[str, str]:
    """The header of a login."""
    pair = base64.b64encode(f"{login.user}:{login.password}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def ask(proxy: ProxyInThread, path: str, headers: Mapping[str, str] | None = None) -> Answer:
    """A page, from the proxy's own machine."""
    return direct(proxy).ask("GET", path, dict(headers or {}))


def shown(proxy: ProxyInThread, path: str) -> str:
    """The HTML of a page, from the proxy's own machine."""
    answer = ask(proxy, path, BROWSER)
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return answer.body.decode()


def keep(proxy: ProxyInThread, *decisions: Decision) -> None:
    """Let another instance have decided so."""
    with closing(SqlStore.at(proxy.store)) as store:
        store.keep_decisions(decisions, 10_000)


def images_in(proxy: ProxyInThread, query: str) -> list[str]:
    """Of which images decisions are shown, in their order."""
    told = json.loads(ask(proxy, f"/status/decisions.json{query}").body)
    return [one["repository"] for one in told["decisions"]]


def rules_of_table() -> Rules:
    """Those of the table, with an operator and a network."""
    rules = with_networks(table(Address("reg.test", 5000)), {"127.3.0.0/16": TYPE2})
    return with_operators(rules, ALICE)
