"""What an image would give, as the status page says it: whom it asks, and whom it does not."""

import asyncio
import json
import re
import threading
from html import unescape
from pathlib import Path

import pytest
from mitmproxy.test import taddons, tflow

from metahub.core.distribution import OCI_INDEX
from metahub.demo.bench import REPOSITORY, TAG, qnib_bench
from metahub.explaining.asker import Asker
from metahub.explaining.explanation import ExplainError, Explanation
from metahub.proxy.explainer import Explainer
from metahub.proxy.metrics import Metrics
from metahub.proxy.options import Options
from metahub.proxy.pages.page import Asked
from metahub.proxy.pages.status.explained import BUSY, CROWDED, FROM_ELSEWHERE, Explained
from metahub.proxy.rules_in_force import RulesInForce
from tests.e2e.upstreams.odd_registry import OddRegistry, Reply
from tests.proxy.asking_pages import BROWSER
from tests.proxy.asking_status import ask, shown
from tests.proxy.running import ProxyInThread
from tests.rules.written import whole, write

INDEX = qnib_bench().index
PATH = "/status/explain"


@pytest.fixture
def bench(odd: OddRegistry, proxy: ProxyInThread) -> str:
    """The image of the table, as the upstream of a proxy has it."""
    odd.offer(REPOSITORY, TAG, INDEX)
    return f"{odd.address}/{REPOSITORY}"


def test_the_form_asks_nobody(proxy: ProxyInThread, odd: OddRegistry) -> None:
    """Until something is filled in; it says whom it would ask, and how."""
    page = shown(proxy, PATH)
    assert f"Only registries of the rules are asked: {odd.address}." in page
    assert "asked without any login: for private images use <code>metahub explain" in page
    assert json.loads(ask(proxy, f"{PATH}?type=type1").body) == []
    assert odd.asked == []


def test_one_machine_type(bench: str, proxy: ProxyInThread) -> None:
    """The result, and each entry with its reason, as `metahub explain` says them."""
    page = unescape(shown(proxy, f"{PATH}?image={bench}&type=type4"))
    assert f"Rewritten for type4 (cpu:broadwell, nvcap:5.2): {INDEX.digest} is served as " in page
    assert "requires cpu:skylake, which type4 does not offer" in page
    assert page.count('<span class="badge known">stays</span>') == 1
    assert "<option selected>type4</option>" in page
    (told,) = json.loads(ask(proxy, f"{PATH}?image={bench}&type=type4").body)
    assert (told["result"], told["machine_type"]) == ("rewritten", "type4")


def test_every_machine_type(bench: str, proxy: ProxyInThread) -> None:
    """Who sees what, in the order of the rules."""
    page = shown(proxy, f"{PATH}?image={bench}")
    assert re.findall(r'<th class="mark">(\w+)</th>', page) == ["type1", "type2", "type3", "type4"]
    rows = re.findall(r"<tr>\n<td data-label=\"Entry\">.*?</tr>", page, re.DOTALL)
    stays = [re.findall(r'class="mark stays" data-label="(\w+)"', row) for row in rows]
    assert stays == [["type3"], ["type1"], ["type2"], ["type4"]]
    assert f"{INDEX.digest}" in page
    assert len(json.loads(ask(proxy, f"{PATH}?image={bench}").body)) == 4


def test_of_many_entries_some_are_shown(odd: OddRegistry, proxy: ProxyInThread) -> None:
    """An index may have thousands."""
    index = json.loads(INDEX.content)
    index["manifests"] = index["manifests"] * 26
    body = json.dumps(index).encode()
    odd[f"/v2/{REPOSITORY}/manifests/many"] = Reply(body, {"Content-Type": OCI_INDEX})
    image = f"{odd.address}/{REPOSITORY}:many"
    assert '<p class="soft">and 4 more</p>' in shown(proxy, f"{PATH}?image={image}&type=type1")
    assert shown(proxy, f"{PATH}?image={image}").count('<td data-label="Entry">') == 100


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("image={odd}/no/such", "{odd} has no {odd}/no/such:latest"),
        ("image={odd}/a&type=typ1", "the rules know no machine type 'typ1'; did you mean 'type1'?"),
        ("image=ghcr.io/a/b", "the rules do not list ghcr.io, so that it is not asked"),
        ("image=127.0.0.1:1/a", "the rules do not list 127.0.0.1:1, so that it is not asked"),
        ("image=busybox", "the rules do not list docker.io, so that it is not asked"),
        ("image=A%20B", "expected an image like docker.io/qnib/bench:latest, found 'A B'"),
        ("image={odd}/a&plain_http=1", "{odd}"),
    ],
)
def test_what_cannot_be_explained(
    query: str, why: str, proxy: ProxyInThread, odd: OddRegistry
) -> None:
    """Is told; nobody is asked whom the rules do not name."""
    filled = f"{PATH}?{query.format(odd=odd.address)}"
    expected = why.format(odd=odd.address)
    assert f": {expected}" in unescape(shown(proxy, filled))
    assert expected in json.loads(ask(proxy, filled).body)["error"]


def test_another_site_asks_for_nothing(bench: str, proxy: ProxyInThread, odd: OddRegistry) -> None:
    """A link there may name this page, and a browser may know a password for it."""
    answer = ask(proxy, f"{PATH}?image={bench}", BROWSER | {"Sec-Fetch-Site": "cross-site"})
    assert FROM_ELSEWHERE in answer.body.decode()
    assert f'value="{bench}"' in answer.body.decode()
    assert odd.asked == []


def test_one_question_at_a_time(proxy: ProxyInThread, odd: OddRegistry) -> None:
    """The second of a person is told so, and the first is answered."""
    odd[f"/v2/{REPOSITORY}/manifests/{TAG}"] = Reply(
        INDEX.content, {"Content-Type": OCI_INDEX}, delay=0.3
    )
    path = f"{PATH}?image={odd.address}/{REPOSITORY}"
    first: list[bytes] = []
    asking = threading.Thread(target=lambda: first.append(ask(proxy, path).body))
    asking.start()
    while not odd.asked:
        asking.join(0.01)
    assert json.loads(ask(proxy, path).body) == {"error": BUSY}
    asking.join()
    assert len(first) == 1
    assert b'"result": "rewritten"' in first[0]


class Silent(Explainer):
    """Asks registries that do not answer."""

    async def explanations(
        self, image: str, asker: Asker, *, plain_http: bool = False, logged_in: bool = False
    ) -> list[Explanation]:
        """Nothing, ever; and nobody is logged in for it."""
        assert not logged_in
        await asyncio.Event().wait()
        raise ExplainError(f"{image} {asker} {plain_http}")


async def error_of(explained: Explained, operator: str) -> object:
    """What an operator is told who asks."""
    asked = Asked("explain", "", "", None, tflow.tclient_conn(), None, query="image=a&type=b")
    return json.loads((await explained.page(asked, operator)).body)["error"]


async def test_a_registry_has_its_time(tmp_path: Path) -> None:
    """And only some operators may wait at a time; whoever has waited may ask again."""
    rules = RulesInForce(Metrics())
    with taddons.context(Options(), rules) as context:
        context.configure(rules, metahub_rules=str(write(tmp_path, {"a.yaml": whole("")})))
        explained = Explained(rules, Silent(rules), seconds=0.2)
        asking = [error_of(explained, name) for name in ("a", "b", "c", "d", "a", "e")]
        silence = "the registry said nothing for 0.2 seconds"
        assert await asyncio.gather(*asking) == [silence] * 4 + [BUSY, CROWDED]
        assert await error_of(explained, "a") == silence
