"""What is doubtful of a CA that can be used: each is a sentence with the command that mends it.

Knows rules and time. Must not know who is told.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from metahub.core.registry import Registry
from metahub.node.authority.authority import Authority

FEW_DAYS = 30
"""So many days before its end a CA is spoken of."""

_ROTATE = "`metahub ca rotate` makes the next one"
_FINISH = "`metahub ca rotate --finish` lets the next one sign, when the nodes trust it"
_BEGIN_ANEW = "`metahub ca rotate --cancel` and then `metahub ca rotate` make another"


def doubts_of(
    authority: Authority, registries: Iterable[Registry], own_hosts: Iterable[str], now: datetime
) -> tuple[str, ...]:
    """Sentences about its time, and about the names that the rules want of it."""
    named = {registry.name: registry.hosts for registry in registries}
    wanted = named | {host: (host,) for host in own_hosts}
    following = authority.following
    remedy = _FINISH if following else _ROTATE
    doubts = (
        *_of_time(authority, now, remedy),
        *_of_names("The CA", authority, wanted, remedy),
    )
    if following is None:
        return doubts
    return (*doubts, *_of_names("The next CA", following, wanted, _BEGIN_ANEW))


def _of_time(authority: Authority, now: datetime, remedy: str) -> Iterator[str]:
    left = authority.days_left(now)
    if now < authority.begins:
        yield f"The CA is not valid before {authority.begins:%F}: is this machine's clock right?"
    elif left < 0:
        yield f"The CA expired on {authority.expires:%F}, so that nodes refuse it: {remedy}"
    elif left < FEW_DAYS:
        days = f"{left} day{'' if left == 1 else 's'}"
        yield f"The CA expires on {authority.expires:%F}, in {days}: {remedy}"


def _of_names(
    who: str, authority: Authority, wanted: Mapping[str, Sequence[str]], remedy: str
) -> Iterator[str]:
    outside = [
        name for name, hosts in wanted.items() if not all(map(authority.permits_host, hosts))
    ]
    if outside:
        names = ", ".join(outside)
        yield f"{who} may not sign for {names}, so that nodes refuse what answers there: {remedy}"
