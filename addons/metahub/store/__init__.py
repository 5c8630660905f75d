"""D' -> what it was made of. The only place that knows SQL; must not know HTTP or who asked."""

from metahub.store.contract import Content, KeptAnswer, KeptDecision, Store, StoreError
from metahub.store.memory import MemoryStore
from metahub.store.sql import SqlStore

__all__ = [
    "Content",
    "KeptAnswer",
    "KeptDecision",
    "MemoryStore",
    "SqlStore",
    "Store",
    "StoreError",
]
