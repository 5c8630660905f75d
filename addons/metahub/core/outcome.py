"""What became of a request, in one word.

Knows every outcome that there is. Must not know how one comes about.
"""

from enum import StrEnum

_PASSED = "passed"


class Outcome(StrEnum):
    """The end of a request: what MetaHub made of it, or why it made nothing of it."""

    REWRITTEN = "rewritten"
    """An index of ours, or the one manifest that fits."""
    UNCHANGED = "unchanged"
    """Upstream's own index, of which nothing has to go."""
    REFUSED = "refused"
    """No entry fits."""
    UNKNOWN_CLIENT = f"{_PASSED}:unknown-client"
    """Upstream's answer as it is: the rules have no machine type for this client."""
    PINNED = f"{_PASSED}:pinned"
    """Asked for by a digest of upstream's."""
    NOT_AN_INDEX = f"{_PASSED}:not-an-index"
    """There is one manifest behind the tag, and nothing to choose."""
    REFERRERS = f"{_PASSED}:referrers"
    """A tag of signatures and the like, which are no images."""
    EXEMPT = f"{_PASSED}:exempt"
    """Asked for by a program that sees upstream's own indexes."""
    PAUSED = f"{_PASSED}:paused"
    """An operator has paused all rewriting."""
    UPSTREAM_ERROR = f"{_PASSED}:upstream-error"
    """Upstream itself said no: 404, say, or 429."""
    FAILED = "failed"
    """MetaHub, or the way to upstream, failed."""
    DENIED = "denied"
    """The client was not let in."""
    NOT_A_WAY_IN = "denied:destination"
    """The proxy leads nobody there."""
    TUNNELLED = "tunnelled"
    """The host is no registry of the rules; nothing was read."""

    @property
    def passes(self) -> bool:
        """True if upstream's answer went on as it came."""
        return self.startswith(f"{_PASSED}:")

    @property
    def words(self) -> str:
        """For people: `passed: unknown client`."""
        return self.replace(":", ": ").replace("-", " ")
