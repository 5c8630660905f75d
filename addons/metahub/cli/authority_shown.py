"""A CA in lines for people, and as JSON for scripts.

Knows what is worth knowing of it. Must not know commands.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from metahub.node.authority import Authority, Confdir


def in_lines(authority: Authority, there: Confdir, now: datetime) -> Iterator[tuple[str, str]]:
    """A word and what is to be said on it."""
    left = authority.days_left(now)
    yield "CA", authority.subject
    yield "SHA-256", authority.fingerprint
    if authority.signer != authority.subject:
        yield "signs by", authority.signer
    yield "signs for", _hosts_in_words(authority.hosts)
    yield "valid", f"{authority.begins:%F} to {authority.expires:%F}, {left} days left"
    yield "key", str(there.key)
    yield "nodes trust", str(there.bundle)
    if authority.following:
        yield "next CA", authority.following.subject
        yield "SHA-256", authority.following.fingerprint
        yield "signs for", _hosts_in_words(authority.following.hosts)


def as_json(
    authority: Authority, there: Confdir, doubts: Sequence[str], now: datetime
) -> dict[str, object]:
    """The same, under names of its own; times are ISO 8601, in UTC."""
    return {
        **_named(authority),
        "begins": authority.begins.isoformat(),
        "expires": authority.expires.isoformat(),
        "days_left": authority.days_left(now),
        "key": str(there.key),
        "bundle": str(there.bundle),
        "signer": authority.signer,
        "next": _named(authority.following) if authority.following else None,
        "doubts": list(doubts),
    }


def _named(authority: Authority) -> dict[str, object]:
    return {
        "subject": authority.subject,
        "fingerprint": authority.fingerprint,
        "hosts": authority.hosts,
    }


def _hosts_in_words(hosts: Sequence[str] | None) -> str:
    if hosts is None:
        return "every host: it has no name constraints"
    return f"{', '.join(hosts) or 'no host'}, and all names below those"
