"""Which hashes are taken, and that no message repeats one."""

import argon2
import bcrypt
import pytest

from metahub.rules.password_hash import verifiable_hash
from metahub.rules.unexpected import UnexpectedValueError

# Of "password", made once: a salt of every run's own would make other tests of every run.
ARGON2ID = (
    "$argon2id$v=19$m=64,t=1,p=2$hG/v2/I7HKB6xCMFpa3Ehg$pWC++GlK8r8zvm2lVWCU3d4VOkBo+VZYgw3LCE15BqI"
)
SMALL_ARGON2ID = "$argon2id$v=19$m=8,t=1,p=1$H+WgPx/m03s$gt3ePBaLUgFPZCZrO0/p7A"
BCRYPT = "$2b$04$d4Fi5slY2ggoPdOuop.0BuihARbP/DJF/Cxjd4lsirxMhDOMucUAu"
EXPECTED = "an argon2id or bcrypt hash, as `htpasswd -nBC 12 USER` prints behind the colon"
BEARABLE = "m up to 1048576 and at least 8 times p, t up to 10, p up to 16"


@pytest.mark.parametrize(
    "hashed",
    [
        ARGON2ID,
        ARGON2ID.replace("v=19", "v=16"),
        ARGON2ID.replace("m=64,t=1,p=2", "m=1048576,t=10,p=16"),
        SMALL_ARGON2ID,
        BCRYPT,
        BCRYPT.replace("$2b$", "$2a$"),
        BCRYPT.replace("$2b$", "$2y$"),
        BCRYPT.replace("$04$", "$14$"),
    ],
)
def test_a_hash_that_can_be_verified_is_taken(hashed: str) -> None:
    """As it stands there."""
    assert verifiable_hash(hashed) == hashed


@pytest.mark.parametrize(
    ("written", "found", "expected"),
    [
        (None, "nothing", EXPECTED),
        (["hunter2"], "something else", EXPECTED),
        ("hunter2", "a text that is no such hash (not shown)", EXPECTED),
        ("", "a text that is no such hash (not shown)", EXPECTED),
        (f"alice:{BCRYPT}", "a text that is no such hash (not shown)", EXPECTED),
        ("$1$abcdefgh$G8dH1aaaaaaaaaaaaaaaa.", "an MD5 hash (not shown)", EXPECTED),
        ("$apr1$abcdefgh$G8dH1aaaaaaaaaaaaaaa.", "an MD5 hash (not shown)", EXPECTED),
        ("$5$abcdefgh$G8dH1", "a SHA-256 hash (not shown)", EXPECTED),
        ("$6$abcdefgh$G8dH1", "a SHA-512 hash (not shown)", EXPECTED),
        ("$y$j9T$abcdefgh", "a yescrypt hash (not shown)", EXPECTED),
        ("{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "a SHA-1 hash (not shown)", EXPECTED),
        (ARGON2ID.replace("2id", "2i"), "an argon2i hash (not shown)", EXPECTED),
        (ARGON2ID.replace("2id", "2d"), "an argon2d hash (not shown)", EXPECTED),
        (ARGON2ID[:-1], "a damaged argon2id hash (not shown)", EXPECTED),
        (ARGON2ID[:-1] + "_", "a damaged argon2id hash (not shown)", EXPECTED),
        (ARGON2ID[:-1] + "1", "a damaged argon2id hash (not shown)", EXPECTED),
        (ARGON2ID[:-2], "a damaged argon2id hash (not shown)", EXPECTED),
        (f"{ARGON2ID}\n", "a damaged argon2id hash (not shown)", EXPECTED),
        (ARGON2ID.replace("$v=19", ""), "a damaged argon2id hash (not shown)", EXPECTED),
        (ARGON2ID.replace("m=64", "m=064"), "a damaged argon2id hash (not shown)", EXPECTED),
        (BCRYPT[:-1], "a damaged bcrypt hash (not shown)", EXPECTED),
        (f"{BCRYPT}x", "a damaged bcrypt hash (not shown)", EXPECTED),
        (BCRYPT.replace("$2b$", "$2x$"), "a damaged bcrypt hash (not shown)", EXPECTED),
        (BCRYPT.replace("$04$", "$15$"), "a bcrypt hash of cost 15", "a cost from 4 to 14"),
        (BCRYPT.replace("$04$", "$03$"), "a bcrypt hash of cost 3", "a cost from 4 to 14"),
        (
            ARGON2ID.replace("m=64", "m=1048577"),
            "an argon2id hash of m=1048577,t=1,p=2",
            BEARABLE,
        ),
        (ARGON2ID.replace("m=64", "m=15"), "an argon2id hash of m=15,t=1,p=2", BEARABLE),
        (ARGON2ID.replace("t=1", "t=11"), "an argon2id hash of m=64,t=11,p=2", BEARABLE),
        (
            ARGON2ID.replace("m=64", "m=640").replace("p=2", "p=17"),
            "an argon2id hash of m=640,t=1,p=17",
            BEARABLE,
        ),
    ],
)
def test_anything_else_is_named_and_not_shown(written: object, found: str, expected: str) -> None:
    """With what is taken, and how to make one."""
    with pytest.raises(UnexpectedValueError) as caught:
        verifiable_hash(written)
    wrong = caught.value
    assert (wrong.found, wrong.expected, wrong.did_you_mean) == (found, expected, "")


def test_what_is_taken_can_be_verified() -> None:
    """By the libraries that the proxy has."""
    assert argon2.PasswordHasher().verify(verifiable_hash(ARGON2ID), "password")
    assert bcrypt.checkpw(b"password", verifiable_hash(BCRYPT).encode())
