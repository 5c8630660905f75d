"""How a store says what is wrong with what was read from it.

Knows the words. Must not know which database it is.
"""

from metahub.core.distribution import one_line
from metahub.store.contract import StoreError

DAMAGED = (TypeError, ValueError)
"""What a row raises that does not read as what was once written."""

RESTORE = "restore it from a backup, or move it away and restart"


def damaged(name: str, error: Exception) -> StoreError:
    """What to say of the store of that name."""
    return StoreError(f"{name} is damaged ({one_line(str(error), 200)}): {RESTORE}")
