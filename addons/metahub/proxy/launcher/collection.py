"""The garbage collector.

Knows what it need not look at. Must not know what that is.
"""

import gc


class Collection:
    """Has the garbage collector leave alone what is there when mitmproxy has started."""

    def running(self) -> None:
        """Of what is not garbage now, nothing will ever be."""
        gc.collect()
        gc.freeze()

    def done(self) -> None:
        """The end of mitmproxy need not be that of Python."""
        gc.unfreeze()
