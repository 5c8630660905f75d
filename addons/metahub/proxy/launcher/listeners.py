"""Who of mitmproxy's addons wants which event.

Knows the chain of addons. Must not know what an addon does, nor what an event is about.
"""

import inspect
from collections.abc import Callable
from typing import Any

from mitmproxy.addonmanager import AddonManager, safecall, traverse
from mitmproxy.exceptions import AddonHalt
from mitmproxy.hooks import Hook

type Listener = Callable[..., Any]


class Listeners:
    """Has each event told to those that want it: mitmproxy looks through all addons, each time.

    Holds what it found, so that it is only for chains in which no addon gets other methods or
    addons of its own later, as scripts do.
    https://github.com/mitmproxy/mitmproxy/blob/v12.2.3/mitmproxy/addonmanager.py#L278
    """

    def __init__(self, addons: AddonManager) -> None:
        self._addons = addons
        self._chain: list[object] = []
        self._found: dict[str, tuple[Listener, ...]] = {}

    def install(self) -> None:
        """Tell events in this way from now on."""
        self._addons.trigger_event = self.trigger_event  # type: ignore[method-assign]

    async def trigger_event(self, event: Hook) -> None:
        """As mitmproxy does: in the order of the chain; a failure is logged, and no other's."""
        for listener in self._of(event.name):
            try:
                with safecall():
                    told = listener(*event.args())
                    if told is not None and inspect.isawaitable(told):
                        await told
            except AddonHalt:
                return

    def _of(self, name: str) -> tuple[Listener, ...]:
        chain = self._addons.chain
        if chain != self._chain:
            self._chain, self._found = list(chain), {}
        if name not in self._found:
            wanting = (getattr(addon, name, None) for addon in traverse(chain))
            self._found[name] = tuple(filter(callable, wanting))
        return self._found[name]
