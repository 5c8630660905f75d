"""A log of decisions, compared with what the rules of today would make of them.

Knows what is read for it. Must not know how it is shown.
"""

from pathlib import Path

from metahub.cli.configured import Configured
from metahub.cli.known_indexes import in_store_at
from metahub.cli.recording_file import opened
from metahub.cli.replayed import Comparison, Shown
from metahub.explaining.logged import Log, read_log
from metahub.explaining.replaying import Replay
from metahub.rules import Rules

_TUNNEL = "it was a tunnel to what is a registry of the rules now, and nothing in it was read"


def compared_with_log(file: Path, rules: Rules, configured: Configured | None) -> Shown:
    """The newest decision on each client, image and index. Raises RecordingError and StoreError."""
    with opened(file) as stream:
        log = read_log(stream)
    with in_store_at(configured.store if configured else None) as kept:
        exempt = configured.exempt_agents if configured else frozenset()
        comparison = Comparison.of(dict.fromkeys(log.newest(), 1), Replay(rules, exempt, kept))
    opened_now = _opened_now(log, rules)
    if opened_now:
        comparison.not_replayable[_TUNNEL] = opened_now
    others = {
        "Lines that are no decisions": log.others,
        "Decisions on no image, but on a tunnel or a client that was not let in": (
            log.without_image - opened_now
        ),
    }
    return Shown(comparison, "decisions", others)


def _opened_now(log: Log, rules: Rules) -> int:
    """How many tunnels led to what the rules call a registry."""
    return sum(times for name, times in log.tunnels.items() if _is_opened(name, rules))


def _is_opened(name: str, rules: Rules) -> bool:
    host, _, port = name.rpartition(":")
    return port.isdecimal() and rules.registries.at(host, int(port)) is not None
