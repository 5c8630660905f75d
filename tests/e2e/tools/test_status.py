"""The status page in a browser, while nodes pull."""

import pytest

from metahub.demo.bench import REPOSITORY, TAG, qnib_bench
from tests.e2e.asking.asker import Asker
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.proxies.rules import TYPE4, table
from tests.e2e.proxies.serve import Serve
from tests.e2e.tools.browser import Browser
from tests.e2e.upstreams.odd_registry import OddRegistry

ROW, LIVE = "#rows tr", "#live"
PHONE = 390  # as wide as one

OPEN_ALL = "document.querySelectorAll('details').forEach(one => { one.open = true })"
TYPE_IN = """
(field => { field.focus(); field.value = "ab" })(document.querySelector("[name=image]"))"""
TYPED = "document.activeElement.name + document.activeElement.value"
# A row has the focus, and the top of the window; and so it has although one came in above it.
READ = """
window.read = document.querySelector("#rows a");
window.read.focus();
scrollTo(0, scrollY + window.read.closest("tr").getBoundingClientRect().top)"""
STILL_READ = """
document.activeElement === window.read
    && window.read.closest("tr").rowIndex === 2
    && Math.abs(window.read.closest("tr").getBoundingClientRect().top) < 2"""
FITS = "document.scrollingElement.scrollWidth <= innerWidth"
FOLLOW = "[...document.querySelectorAll('main a')].find(a => a.textContent.includes('%s')).click()"


@pytest.fixture
def proxy(serve: Serve, odd: OddRegistry) -> Proxy:
    """A proxy that has decided nothing yet, before the builds of the table."""
    odd.offer(REPOSITORY, TAG, qnib_bench().index)
    return serve(table(odd.address))


async def test_it_lives(browser: Browser, proxy: Proxy, odd: OddRegistry) -> None:
    """What is decided comes in while somebody types; what is open stays so; silence is told."""
    async with browser.page(f"{proxy.address.url}/status/") as page:
        await page.narrow(PHONE)
        await page.sees("#decided", "Nothing has been decided yet")
        await page.sees(LIVE, "Live")
        await page.value(OPEN_ALL)
        await page.value(TYPE_IN)
        assert Asker.through(proxy, odd.address, TYPE4).get(TAG).status == 200
        await page.sees(ROW, "qnib-type4 at 127.0.0.1", "type4", "rewritten")
        await page.sees("#types section", "qnib-type4 let in 20")
        assert await page.value(TYPED) == "imageab"
        assert await page.value(FITS)
        await page.value(READ)
        assert Asker.through(proxy, odd.address, TYPE4).head(TAG).status == 200
        await page.sees_that(lambda rows: len(rows) == 2, ROW)
        assert await page.value(STILL_READ)
        proxy.stop()
        await page.sees(LIVE, "MetaHub does not answer since")
        assert len(await page.texts(ROW)) == 2
        proxy.start()
        await page.sees_that(lambda texts: texts == ["Live"], LIVE)


async def test_a_link_leads_on(browser: Browser, proxy: Proxy, odd: OddRegistry) -> None:
    """From a row to the decision, and to what the image would give; all of it fits a phone."""
    assert Asker.through(proxy, odd.address, TYPE4).get(TAG).status == 200
    async with browser.page(f"{proxy.address.url}/status/") as page:
        await page.narrow(PHONE)
        await page.sees(ROW, "rewritten")
        await page.value(FOLLOW % ":")
        await page.sees("tr.stays", "cpu:broadwell", "nvcap:5.2", "stays")
        assert await page.value(FITS)
        await page.value(FOLLOW % "What it would get now")
        await page.sees("h1", "Explain an image")
        await page.sees(".who", "rewritten")
        assert await page.value(FITS)
