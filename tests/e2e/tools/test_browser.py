"""mitmweb in a browser: what an operator sees, clicks and types while nodes pull."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from metahub.demo.bench import BROADWELL_WITH_GPU, GENERIC, REPOSITORY, TABLE, TAG, User
from metahub.demo.images import index_of
from tests.e2e.clients.podman import Podman
from tests.e2e.proxies.rules import TYPE1, TYPE2, TYPE3
from tests.e2e.tools.browser import HEIGHT, WIDTH, Browser, Page
from tests.e2e.tools.conftest import Mitmweb, watched
from tests.e2e.upstreams.registry import Registry
from tests.e2e.upstreams.trust import Trust

DOCUMENT = Path(__file__).parents[3] / "docs" / "debugging.md"
FILTER = re.compile(r"^    (~.*)$", re.MULTILINE)

PICKY, PLAIN = "qnib/picky", "qnib/plain"  # for machines with a GPU only, and for all alike

FILTERED = """view.filter.set '~meta "metahub_outcome: rewritten"'"""

COMMENT = ".flow-table td.col-comment"
LARGEST = 200_000  # bytes of a picture

REWRITTEN = [f"{user.name} rewritten" for user in TABLE]
PASSED = [f"{user.name} passed" for user in (*TABLE, TYPE3)]
UNCHANGED, REFUSED = f"{TYPE3.name} unchanged", f"{TYPE3.name} refused"

# What each filter of the document shows once all of the table have pulled, and TYPE3 the others.
FOUND = {
    '~meta "metahub_outcome: rewritten"': REWRITTEN,
    '~meta "metahub_outcome: unchanged"': [UNCHANGED],
    '~meta "metahub_outcome: refused"': [REFUSED],
    '~meta "metahub_outcome: passed"': PASSED,
    '~meta "metahub_outcome: (refused|failed|denied)"': [REFUSED],
    '~meta "metahub_machine_type: type1"': [REWRITTEN[0], PASSED[0]],
    '~meta "metahub_machine_type: type4"': [REWRITTEN[3], PASSED[3]],
    '~meta "metahub_client: qnib-type1"': [REWRITTEN[0], PASSED[0]],
    '~meta "metahub_image: docker.io/qnib/"': [*REWRITTEN, *PASSED, UNCHANGED, REFUSED],
    '~comment "does not offer"': [REFUSED],
}


@pytest.fixture(scope="module")
def busy(place: Path, trust: Trust, registry: Registry) -> Iterator[Mitmweb]:
    """A mitmweb that has seen many pulls; nobody may change it."""
    registry.push(PICKY, TAG, index_of([BROADWELL_WITH_GPU]))
    registry.push(PLAIN, TAG, index_of([GENERIC]))
    with watched(place, trust, registry) as running:
        for user in TABLE:
            assert running.pull(user).worked
        assert running.pull(TYPE3, PLAIN).worked
        assert not running.pull(TYPE3, PICKY).worked
        yield running


def bench(user: User) -> str:
    """The comment on what a user got of qnib/bench."""
    return f"rewritten for {user.name} at 127.0.0.1 ({user.machine_type}): 1 of 4 entries stays"


def in_short(comment: str) -> str:
    """Of a comment, the user and the outcome."""
    outcome, _, client = comment.partition(" for ")
    return f"{client.split()[0]} {outcome.split(':')[0]}"


async def lists(page: Page, *told: str) -> None:
    """The flows of which anything is told come to be these."""

    def are_these(comments: list[str]) -> bool:
        return sorted(map(in_short, filter(None, comments))) == sorted(told)

    await page.sees_that(are_these, COMMENT)


async def test_a_pull_is_told_as_it_happens(browser: Browser, mitmweb: Mitmweb) -> None:
    """Who it was, what MetaHub takes it for, and what became of it."""
    async with browser.page(mitmweb.url) as page:
        await page.sees("body", "No flows have been recorded yet.")
        pull = await mitmweb.pull.meanwhile(TYPE1, Podman)
        assert pull.worked, pull.seen
        await lists(page, "qnib-type1 rewritten", "qnib-type1 passed")
        await page.sees("tr", f"/v2/{REPOSITORY}/manifests/{TAG}\t200\t{bench(TYPE1)}")


async def test_an_answer_is_shown_in_words(browser: Browser, busy: Mitmweb) -> None:
    """Nobody has to choose the view: which entries stay, which go and why, and what was served."""
    async with browser.page(busy.searching("~comment type1")) as page:
        await page.click("tr", bench(TYPE1))
        await page.click(".flow-detail nav a", "Response")
        await page.sees(".contentview h5", "MetaHub")
        await page.sees(
            ".contentview pre",
            "4 entries\n",
            "  stays  fits\n",
            "  goes   requires cpu:skylake, which type1 does not offer\n",
            "The served index sha256:",
            ": 1 entry\n",
        )


async def test_a_manifest_is_shown_in_words(browser: Browser, busy: Mitmweb) -> None:
    """And the whole comment, for which the list has no room."""
    async with browser.page(busy.searching("~comment type1")) as page:
        await page.click("tr", "passed: pinned for")
        await page.click(".flow-detail nav a", "Response")
        await page.sees(".contentview pre", "\nlayers: 1, ")
        await page.click(".flow-detail nav a", "Comment")
        await page.sees(
            ".flow-detail section", "passed: pinned for qnib-type1 at 127.0.0.1 (type1)"
        )


async def test_the_filters_of_the_document_are_tried() -> None:
    """Each of them, below."""
    assert FILTER.findall(DOCUMENT.read_text(encoding="utf-8")) == list(FOUND)


@pytest.mark.parametrize("expression", FOUND)
async def test_flows_are_found(
    expression: str, browser: Browser, busy: Mitmweb, registry: Registry
) -> None:
    """By the address, as a bookmark."""
    here = expression.replace("docker.io", str(registry.address))
    async with browser.page(busy.searching(here)) as page:
        await lists(page, *FOUND[expression])


async def test_what_the_search_field_takes(browser: Browser, busy: Mitmweb) -> None:
    """It does not know all of mitmproxy's own filters."""
    async with browser.page(busy.url) as page:
        await page.type("Search", "~comment 'rewritten for qnib-type1'")
        await lists(page, "qnib-type1 rewritten")
        await page.type("Search", "~meta metahub")
        await page.sees(".filter-input.has-error")


async def test_commands_are_typed(browser: Browser, mitmweb: Mitmweb) -> None:
    """What is in force; rewriting ends and goes on; the flows are filtered for all who look on."""
    async with browser.page(mitmweb.url) as page:
        await page.click("nav a", "Options")
        await page.click("label", "Display Command Bar")
        await page.type("Enter command", "metahub.rules")
        await page.sees(".command-result", "4 machine types, 4 clients, 1 registry")
        for state, outcome in (("on", "passed: paused"), ("off", "rewritten")):
            await page.type("Enter command", f"metahub.pause {state}")
            await page.sees(".command-result", f"$ metahub.pause {state}")
            await mitmweb.pull.meanwhile(TYPE2)
            await page.sees(COMMENT, outcome)
        await page.type("Enter command", FILTERED)
        await lists(page, "qnib-type2 rewritten")


async def test_a_picture_for_the_documents(browser: Browser, busy: Mitmweb, pictures: Path) -> None:
    """Whole, and small enough to be kept; `make screenshots` puts it where it is shown."""
    async with browser.page(busy.searching("~comment .")) as page:
        await page.click("tr", bench(TYPE1))
        await page.click(".flow-detail nav a", "Response")
        await page.sees(".contentview pre", "4 entries\n")
        await page.drag(".splitter > div", by=-WIDTH // 6)  # for the reasons
        await page.click("nav a", "Flow List")
        await page.click(".contentview h5", "MetaHub")  # and leave the tab without its ring
        file = pictures / "mitmweb.png"
        file.write_bytes(await page.picture())
    async with browser.page() as page:
        picture = await page.look_at(file.read_bytes())
    assert (picture.width, picture.height) == (WIDTH, HEIGHT)
    assert picture.colours > 100
    assert file.stat().st_size < LARGEST
