"""What the tests of set-up scripts share."""

from tests.node.shells import shell

__all__ = ["shell"]
