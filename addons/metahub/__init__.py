"""MetaHub: container images chosen by machine type, in a proxy that nobody has to know of."""

__version__ = "0.1.0"
