"""Indexes of qnib/bench that no proxy has seen yet: what is known is not asked for again.

Knows the builds. Must not know where an index goes.
"""

from metahub.demo.bench import BUILDS
from metahub.demo.images import Blob, Build, index_of


def unseen(name: str) -> Blob:
    """The four builds, and one for nobody that makes the index another one for each name."""
    return index_of((*BUILDS, Build(f">> {name}", ("cpu:unheard-of",)))).index
