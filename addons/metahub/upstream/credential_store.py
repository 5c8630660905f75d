"""The programs that keep logins for docker and podman: `docker-credential-NAME`.

Knows how they are asked. Must not know which of them is asked for what.
"""

import json
import re
import shutil
import subprocess
from dataclasses import dataclass

from metahub.upstream.login import Login
from metahub.upstream.upstream_error import UpstreamError

ANSWER_SECONDS = 30.0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

# https://github.com/docker/docker-credential-helpers/blob/v0.9.0/credentials/error.go#L10-L13
_NOT_FOUND = b"credentials not found"
# https://github.com/docker/cli/blob/v27.0.0/cli/config/credentials/native_store.go#L10
_TOKEN_USER = "<token>"


@dataclass(frozen=True, slots=True)
class CredentialStore:
    """One such program, and the file that names it."""

    name: str
    named_by: str
    seconds: float = ANSWER_SECONDS
    """How long it may take: it may be asking a person."""

    def login(self, server: str) -> Login | None:
        """What the program has for `server`; None if it has nothing. Raises UpstreamError."""
        done = self._ask(server)
        if done.returncode and _NOT_FOUND in done.stdout:
            return None
        if done.returncode:
            raise UpstreamError(f"{self} ended with exit code {done.returncode}")
        try:
            answer = json.loads(done.stdout)
            user, secret = str(answer["Username"]), str(answer["Secret"])
        except (ValueError, KeyError, TypeError) as error:
            expected = "JSON with Username and Secret"
            raise UpstreamError(f"{self} printed something else than {expected}") from error
        if user == _TOKEN_USER:
            return Login("", identity_token=secret, kept_in=str(self))
        return Login(user, secret, kept_in=str(self)) if user or secret else None

    def _ask(self, server: str) -> subprocess.CompletedProcess[bytes]:
        """Its answer. What it says on stderr is not for our eyes."""
        command = (self._program(), "get")
        try:
            return subprocess.run(
                command,
                input=server.encode(),
                capture_output=True,
                check=False,
                timeout=self.seconds,
            )
        except subprocess.TimeoutExpired as error:
            raise UpstreamError(f"{self} said nothing for {self.seconds:g} seconds") from error
        except OSError as error:
            raise UpstreamError(f"{self} cannot be started: {error.strerror}") from error

    def _program(self) -> str:
        program = f"docker-credential-{self.name}"
        found = shutil.which(program) if _NAME.fullmatch(self.name) else None
        if found is None:
            raise UpstreamError(f"{self.named_by} names {program!r}, which is not installed")
        return found

    def __str__(self) -> str:
        return f"docker-credential-{self.name}, which {self.named_by} names,"
