"""Debian's docker-registry (distribution 2.8), with a storage of its own in a directory.

Knows its configuration; must not know what is pushed.
"""

import json
import secrets
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import bcrypt

from metahub.demo.address import LOOPBACK, Address, Login, loopback_of, port_after
from metahub.demo.program import started
from metahub.demo.tls import KeyPair

COMMAND = "docker-registry"
READY = "listening on "
CHEAPEST_BCRYPT = 4  # rounds: the password is as short-lived as the registry


def is_installed() -> bool:
    """Whether this machine has it."""
    return shutil.which(COMMAND) is not None


@asynccontextmanager
async def docker_registry(
    directory: Path, pair: KeyPair, host: str = LOOPBACK, *, login: Login | None = None
) -> AsyncIterator[Address]:
    """A registry that keeps everything in `directory`, and listens on the loopback address of host.

    With `login` every request needs it. Raises ProgramError if it does not start.
    """
    file = _write_configuration(directory, pair, host, login)
    output = directory / "docker-registry.log"
    async with started(COMMAND, [COMMAND, "serve", file], output) as program:
        yield Address(host, port_after(READY, await program.said(READY)))


def _write_configuration(directory: Path, pair: KeyPair, host: str, login: Login | None) -> Path:
    configuration = {
        "version": "0.1",
        "log": {"level": "info", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(directory / "storage")}},
        "http": {
            "addr": f"{loopback_of(host)}:0",
            "secret": secrets.token_hex(),
            "tls": {"certificate": str(pair.certificate), "key": str(pair.key)},
        },
    }
    if login:
        configuration["auth"] = {"htpasswd": _write_htpasswd(directory / "htpasswd", login)}
    file = directory / "docker-registry.yaml"
    file.write_text(json.dumps(configuration))  # JSON is YAML
    return file


def _write_htpasswd(file: Path, login: Login) -> dict[str, str]:
    hashed = bcrypt.hashpw(login.password.encode(), bcrypt.gensalt(CHEAPEST_BCRYPT))
    file.write_text(f"{login.user}:{hashed.decode()}\n")
    return {"realm": "metahub demo", "path": str(file)}
