"""The bounds as options say them.

Knows which options are bounds, and the least that each may be. Must not know what exceeds them.
"""

from mitmproxy import ctx, exceptions

from metahub.config import (
    CONNECT_SECONDS,
    CONNECTIONS,
    CONNECTIONS_PER_ADDRESS,
    HEAD_BYTES,
    HEAD_SECONDS,
    UPSTREAM_REQUESTS,
)

# With less, no client could ask for anything.
_LEAST = {
    CONNECTIONS: 0,
    CONNECTIONS_PER_ADDRESS: 0,
    HEAD_BYTES: 1024,
    HEAD_SECONDS: 1,
    CONNECT_SECONDS: 1,
    UPSTREAM_REQUESTS: 1,
}


class Checks:
    """Insists on bounds with which there is something to serve."""

    def configure(self, updated: set[str]) -> None:
        """Raise OptionsError for a bound that would let nobody in."""
        for option, least in _LEAST.items():
            found = getattr(ctx.options, option.name)
            if option.name in updated and found < least:
                raise exceptions.OptionsError(
                    f"{option.name}: expected a number from {least} on, found {found}"
                )
