"""What a client has after a pull.

Knows digests. Must not know any one client.
"""

from metahub.demo.images import Build, image_of
from tests.e2e.clients.shape import Pull


def has(pull: Pull, build: Build, *indexes: object) -> None:
    """The client has this build: it names the manifest or the config of it, or one of the indexes.

    Runtimes name what they asked for, the index that was served; copiers what arrived.
    """
    assert pull.worked, pull.seen
    image = image_of(build)
    names = {str(image.manifest.digest), str(image.config.digest), *map(str, indexes)}
    assert pull.digests & names, (pull, names)
