"""Which of the steps from nothing to a node that pulls through MetaHub work."""

from metahub.node.check.node import Node
from metahub.node.check.root import Root
from metahub.node.check.runtime import RUNTIMES, Runtime, runtime_of
from metahub.node.check.step import Outcome, Step
from metahub.node.check.steps import Checked, Wanted, check

__all__ = [
    "RUNTIMES",
    "Checked",
    "Node",
    "Outcome",
    "Root",
    "Runtime",
    "Step",
    "Wanted",
    "check",
    "runtime_of",
]
