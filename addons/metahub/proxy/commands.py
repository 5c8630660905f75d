"""MetaHub's commands in mitmproxy's console and web: `:metahub.rules`, say.

Knows how mitmproxy asks. Must not know what the rules say.
"""

import asyncio
import logging
from collections.abc import Sequence

from mitmproxy import command, exceptions
from mitmproxy.log import ALERT

from metahub.core.distribution import one_line
from metahub.explaining.asker import Asker
from metahub.explaining.explanation import ExplainError, Explanation
from metahub.proxy.explainer import Explainer
from metahub.proxy.failures import BUG
from metahub.proxy.pause import Pause
from metahub.proxy.rules_in_force import RulesInForce
from metahub.proxy.view_text import judged_lines
from metahub.upstream import UpstreamError

logger = logging.getLogger(__name__)

_PLAIN = "http://"
_LONGEST_LINE = 1000  # characters: upstream may have written any number of them


class Commands:
    """What an operator may have done while mitmproxy runs."""

    def __init__(self, rules: RulesInForce, pause: Pause, explainer: Explainer) -> None:
        self._in_force = rules
        self._pause = pause
        self._explainer = explainer
        self._asking: set[asyncio.Task[None]] = set()

    def done(self) -> None:
        """Ask nothing more."""
        for task in self._asking:
            task.cancel()

    @command.command("metahub.rules")  # type: ignore[untyped-decorator]
    def rules(self) -> str:
        """Say which rules are in force."""
        said = str(self._in_force.now())
        logger.log(ALERT, f"In force: {said}.")
        return said

    @command.command("metahub.reload")  # type: ignore[untyped-decorator]
    def reload(self) -> None:
        """Read the rules now. Mistakes are logged, and change nothing."""
        self._in_force.reload()

    @command.command("metahub.pause")  # type: ignore[untyped-decorator]
    def pause(self, state: str) -> None:
        """Serve everything unmodified: `on`, until it is `off` again."""
        if state not in ("on", "off"):
            raise exceptions.CommandError(f"metahub.pause: expected on or off, found {state!r}")
        if state == "on":
            self._pause.begin()
        else:
            self._pause.end()

    @command.command("metahub.explain")  # type: ignore[untyped-decorator]
    def explain(self, image: str, machine_type: str = "") -> None:
        """Say in the event log what a machine type would get of an image; without one, each.

        http://REGISTRY/REPOSITORY:TAG asks a registry that has no TLS.
        """
        task = asyncio.ensure_future(self._explain(image, Asker(machine_type or None)))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _explain(self, image: str, asker: Asker) -> None:
        name = image.removeprefix(_PLAIN)
        try:
            explanations = await self._explainer.explanations(
                name, asker, plain_http=image != name, logged_in=True
            )
        except (ExplainError, UpstreamError) as error:
            logger.error(f"metahub.explain: {error}")
        except Exception:  # nobody waits for the task
            logger.exception(BUG)
        else:
            _say(name, explanations, in_full=not asker.is_everybody)


def _say(image: str, explanations: Sequence[Explanation], *, in_full: bool) -> None:
    """A line for each machine type, or all of one: which entries stay, which go, and why."""
    for one in explanations:
        lines = [f"{image}: {line}" for line in one.lines()]
        entries = judged_lines(one.judgement) if in_full else ()
        for line in (*lines, *entries):
            logger.log(ALERT, one_line(line, _LONGEST_LINE))
