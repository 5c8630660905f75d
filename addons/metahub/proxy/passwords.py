"""Passwords against their hashes, off the event loop and not once per connection.

Knows argon2id and bcrypt. Must not know headers, connections or rules.
"""

import asyncio
import hmac
import secrets
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import argon2
import bcrypt

from metahub.proxy.keyed_locks import KeyedLocks

_HASHING_THREADS = 2
_MOST_REMEMBERED = 10_000
_BCRYPT_MOST_BYTES = 72

_hasher = argon2.PasswordHasher()


class Passwords:
    """Verifies passwords, and remembers those that were right for the life of the process.

    What is remembered is an HMAC under a key that never leaves this object: no password in clear,
    and nothing that outlives a changed hash.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._right: dict[bytes, None] = {}
        self._threads = ThreadPoolExecutor(_HASHING_THREADS, thread_name_prefix="metahub-hash")
        self._locks = KeyedLocks[bytes]()

    async def are_right(self, user: str, password: str, hashes: Mapping[str, str]) -> bool:
        """True if `hashes` knows `user` with this password.

        An unknown user takes as long as a known one with a wrong password, so that the time does
        not say who exists.
        """
        known = user in hashes
        decoy = next(iter(hashes.values()), None)
        hashed = hashes[user] if known else decoy
        return hashed is not None and await self._matches(user, password, hashed) and known

    def close(self) -> None:
        """Give the threads back. Nothing can be verified afterwards."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _matches(self, user: str, password: str, hashed: str) -> bool:
        proof = hmac.digest(self._key, "\0".join((user, hashed, password)).encode(), "sha256")
        async with self._locks.of(proof):
            if proof in self._right:
                return True
            loop = asyncio.get_running_loop()
            right = await loop.run_in_executor(self._threads, _verify, password, hashed)
            if right:
                self._remember(proof)
            return right

    def _remember(self, proof: bytes) -> None:
        while len(self._right) >= _MOST_REMEMBERED:
            del self._right[next(iter(self._right))]
        self._right[proof] = None


def _verify(password: str, hashed: str) -> bool:
    secret = password.encode()
    if not hashed.startswith("$argon2"):
        return len(secret) <= _BCRYPT_MOST_BYTES and bcrypt.checkpw(secret, hashed.encode())
    try:
        return _hasher.verify(hashed, secret)
    except argon2.exceptions.VerifyMismatchError:
        return False
