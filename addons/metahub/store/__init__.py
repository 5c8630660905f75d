"""D' -> what it was made of. The only place that knows SQL; must not know HTTP or who asked."""

from metahub.store.contract import (
    NOTED_AGAIN,
    KeptAnswer,
    KeptDecision,
    Store,
    StoreError,
)
from metahub.store.location import Location, described, parse_location, public
from metahub.store.memory import MemoryStore
from metahub.store.sql import SqlStore

__all__ = [
    "NOTED_AGAIN",
    "KeptAnswer",
    "KeptDecision",
    "Location",
    "MemoryStore",
    "SqlStore",
    "Store",
    "StoreError",
    "described",
    "parse_location",
    "public",
]
