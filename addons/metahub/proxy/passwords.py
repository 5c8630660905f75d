"""Passwords against their hashes, off the event loop and not once per connection.

Knows argon2id and bcrypt. Must not know headers, connections, or what else the rules say.
"""

import asyncio
import hmac
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import argon2
import bcrypt

from metahub.proxy.keyed_locks import KeyedLocks
from metahub.rules import PasswordHash

HASHING_THREADS = 2
_MOST_REMEMBERED = 10_000
_BCRYPT_MOST_BYTES = 72

_hasher = argon2.PasswordHasher()

type Hashes = Mapping[str, Sequence[PasswordHash]]
"""Of each user, those that let it in; at least one each."""


def _now() -> datetime:
    return datetime.now(UTC)


class Passwords:
    """Verifies passwords, and remembers those that were right for the life of the process.

    What is remembered is an HMAC under a key that never leaves this object: no password in clear,
    and nothing that outlives a hash that was changed, or has ended.
    """

    def __init__(self, clock: Callable[[], datetime] = _now) -> None:
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._right: dict[bytes, None] = {}
        self._threads = ThreadPoolExecutor(HASHING_THREADS, thread_name_prefix="metahub-hash")
        self._locks = KeyedLocks[bytes]()

    def remembers(self, user: str, password: str, hashes: Hashes) -> bool:
        """True if the password is right, and was found so before: it costs no hashing to say so."""
        valid = _valid(hashes.get(user, ()), self._clock())
        return any(self._proof(user, password, hashed) in self._right for hashed in valid)

    async def are_right(self, user: str, password: str, hashes: Hashes) -> bool:
        """True if `hashes` knows `user` with this password, at this moment.

        A wrong password takes as long for a user that is not known as for one that is, whatever the
        cost of its hashes and however many they are, so that the time does not say who exists.
        """
        async with self._locks.of(self._proof(user, password)):
            if self.remembers(user, password, hashes):
                return True
            for hashed, counts in self._to_try(user, hashes):
                if await self._matches(password, hashed) and counts:
                    self._remember(self._proof(user, password, hashed))
                    return True
            return False

    def close(self) -> None:
        """Give the threads back. Nothing can be verified afterwards."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _to_try(self, user: str, hashes: Hashes) -> Iterator[tuple[str, bool]]:
        """What a password is verified against, and whether that counts: as many for every user."""
        of_user = hashes.get(user) or self._stand_in(user, hashes)
        own = list(_valid(of_user, self._clock()))
        yield from ((hashed, user in hashes) for hashed in own)
        most = max(map(len, hashes.values()), default=0)
        yield from [(hashed, False) for hashed in own[:1]] * (most - len(own))

    def _stand_in(self, user: str, hashes: Hashes) -> Sequence[PasswordHash]:
        """The hashes of somebody else, for one name always the same: not all cost the same."""
        of_others = list(hashes.values())
        chosen = int.from_bytes(self._proof(user, "")) % max(1, len(of_others))
        return next(iter(of_others[chosen:]), ())

    async def _matches(self, password: str, hashed: str) -> bool:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, _verify, password, hashed)

    def _proof(self, user: str, password: str, hashed: str = "") -> bytes:
        return hmac.digest(self._key, "\0".join((user, hashed, password)).encode(), "sha256")

    def _remember(self, proof: bytes) -> None:
        while len(self._right) >= _MOST_REMEMBERED:
            del self._right[next(iter(self._right))]
        self._right[proof] = None


def _valid(of_user: Sequence[PasswordHash], now: datetime) -> Iterator[str]:
    return (hashed.text for hashed in of_user if hashed.holds(now))


def _verify(password: str, hashed: str) -> bool:
    secret = password.encode()
    if not hashed.startswith("$argon2"):
        return len(secret) <= _BCRYPT_MOST_BYTES and bcrypt.checkpw(secret, hashed.encode())
    try:
        return _hasher.verify(hashed, secret)
    except argon2.exceptions.VerifyMismatchError:
        return False
