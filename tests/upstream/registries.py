"""Registries that want to be shown something, and what asks them.

Knows the token protocol from the registry's side. Must not know how a client finds its login.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from aiohttp import web

from metahub.demo.address import LOOPBACK
from metahub.demo.tls import Authority, KeyPair
from tests.e2e.upstreams.odd_registry import OddRegistry, Reply

TOKEN = "a-token-of-the-service"
USER, PASSWORD = "someone", "pa:ss word"
BASIC = "Basic c29tZW9uZTpwYTpzcyB3b3Jk"
"""The header of this login."""

SECRETS = (TOKEN, PASSWORD, BASIC.split()[1])


class GuardedRegistry(OddRegistry):
    """Answers 401 below /v2/ to all but one `Authorization`, with a challenge."""

    def guard(self, challenge: str, wanted: str = f"Bearer {TOKEN}") -> None:
        """From now on, ask with this challenge, and take this."""
        self._challenge, self._wanted = challenge, wanted

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        shown = request.headers.get("Authorization")
        if request.path.startswith("/v2/") and shown != self._wanted:
            return web.Response(status=401, headers={"WWW-Authenticate": self._challenge})
        return await super()._answer(request)

    def serve_tokens(self, **answer: object) -> None:
        """Ask for a token of this registry's own service, which gives it to everybody."""
        self.guard(f'Bearer realm="{self.address.url}/token",service="a service"')
        reply = Reply(json.dumps(answer or {"token": TOKEN}).encode())
        self.replies |= dict.fromkeys((TOKEN_PATH, "/token"), reply)


TOKEN_PATH = "/token?scope=repository:qnib/bench:pull&service=a+service"


def trusted(place: Path) -> tuple[Path, KeyPair]:
    """The file of an authority, and what it issued to registries on loopback."""
    authority = Authority.create("upstream tests")
    return authority.write(place / "ca.pem"), authority.issue(place, "localhost", LOOPBACK)


def auth_file(place: Path, fields: Mapping[str, object]) -> Path:
    """Docker's file in a directory."""
    file = place / "config.json"
    file.write_text(json.dumps(fields), encoding="utf-8")
    return file
