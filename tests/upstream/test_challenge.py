"""What a registry wants to be shown."""

import pytest

from metahub.upstream.challenge import Challenge, parse_challenge

HUB = (
    'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="a:b:pull,push"'
)


@pytest.mark.parametrize(
    ("headers", "challenge"),
    [
        (
            [HUB],
            Challenge(
                "bearer",
                {
                    "realm": "https://auth.docker.io/token",
                    "service": "registry.docker.io",
                    "scope": "a:b:pull,push",
                },
            ),
        ),
        (['Basic realm="x"'], Challenge("basic", {"realm": "x"})),
        (["BASIC"], Challenge("basic", {})),
        (["Basic realm=x", "Negotiate", "bearer Realm = y"], Challenge("bearer", {"realm": "y"})),
    ],
)
def test_the_best_of_what_is_offered_is_taken(headers: list[str], challenge: Challenge) -> None:
    """A token goes before a password."""
    assert parse_challenge(headers) == challenge


@pytest.mark.parametrize("headers", [[], [""], ["Negotiate"], ["Digest realm=x"], ["=,;"]])
def test_what_is_not_known_is_no_challenge(headers: list[str]) -> None:
    """There is nothing to show then."""
    assert parse_challenge(headers) is None
