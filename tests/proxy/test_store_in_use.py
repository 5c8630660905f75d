"""The store that the options name, from its beginning to its end."""

import asyncio
import math
from pathlib import Path

from mitmproxy.test import taddons

from metahub.proxy.options import Options
from metahub.proxy.store_in_use import StoreInUse


async def test_a_store_that_closes_is_not_measured(tmp_path: Path) -> None:
    """Whoever asked has an answer already: nobody is told of a measuring that failed."""
    store = StoreInUse()
    with taddons.context(Options(), store) as context:
        context.options.update(metahub_store=str(tmp_path / "store.sqlite"))
        before = asyncio.all_tasks()
        assert store.size() > 0
        (measuring,) = asyncio.all_tasks() - before
        store.done()
        await asyncio.wait({measuring})
        assert measuring.cancelled()
        assert math.isnan(store.size())
