"""Several processes that serve as one: a parent, its workers, and what they say to each other.

Knows processes, ports and counts. Must not know mitmproxy: the parent need not hold it.
"""
