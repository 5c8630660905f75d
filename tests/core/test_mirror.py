"""Which registry a mirror is asked for."""

import pytest

from metahub.core.mirror import MirrorPath, named_again

PATH = "/v2/qnib/bench/manifests/latest"


@pytest.mark.parametrize(
    ("asked", "path", "namespace"),
    [
        (f"{PATH}?ns=docker.io", PATH, "docker.io"),
        (f"{PATH}?ns=reg.test%3A5000", PATH, "reg.test:5000"),
        (f"{PATH}?ns=reg.test:5000", PATH, "reg.test:5000"),
        (f"{PATH}?a=%20b&ns=ghcr.io&c", f"{PATH}?a=%20b&c", "ghcr.io"),
        (f"{PATH}?ns=ghcr.io&ns=docker.io", PATH, "ghcr.io"),
        (f"{PATH}?ns=", PATH, ""),
        (f"{PATH}?ns", PATH, ""),
    ],
)
def test_the_registry_is_taken_out_of_the_query(asked: str, path: str, namespace: str) -> None:
    """The registry itself is asked as if there were no mirror."""
    assert MirrorPath.parse(asked) == MirrorPath(path, namespace)


@pytest.mark.parametrize("path", [PATH, f"{PATH}?", f"{PATH}?an=ns&sn=x", "/v2/ns=x", "", "?"])
def test_any_other_path_stays_as_it_came(path: str) -> None:
    """Byte for byte."""
    assert MirrorPath.parse(path) == MirrorPath(path, None)


@pytest.mark.parametrize(
    ("location", "again"),
    [
        ("/v2/x/blobs/uploads/1", "/v2/x/blobs/uploads/1?ns=reg.test%3A5000"),
        ("/cdn/blob?sig=a%2Fb", "/cdn/blob?sig=a%2Fb&ns=reg.test%3A5000"),
        ("https://cdn.test/blob?sig=1", "https://cdn.test/blob?sig=1"),
        ("//cdn.test/blob", "//cdn.test/blob"),
        ("", ""),
    ],
)
def test_a_path_to_go_to_names_the_registry_again(location: str, again: str) -> None:
    """Or the client would look for it at another registry of the mirror's."""
    assert named_again(location, "reg.test:5000") == again
