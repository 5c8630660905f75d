"""What keeps a registry from being asked: one sentence, in which no credential ever is."""


class UpstreamError(Exception):
    """A registry could not be asked, or said no, or nonsense. The message says which."""
