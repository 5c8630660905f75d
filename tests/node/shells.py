"""The shells that scripts are for, and parts of scripts in them."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from importlib.resources import files

import pytest

SCRIPTS = files("metahub.node") / "scripts"
SHELLS = ("dash", "bash --posix", "busybox sh")
SECONDS = 20


def require(program: str) -> None:
    """Skip the test where there is none; where all are to be there, fail it."""
    if shutil.which(program):
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"this test cannot run here: there is no {program}", pytrace=False)
    pytest.skip(f"this test cannot run here: there is no {program}")


@dataclass(frozen=True, slots=True)
class Shell:
    """One of them, by how it is started."""

    command: str

    def run(self, script: str, *words: str, text: str = "") -> subprocess.CompletedProcess[str]:
        """A script, with words and with this on its stdin."""
        command = [*self.command.split(), "-c", script, "sh", *words]
        return subprocess.run(
            command,
            input=text,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            errors="surrogateescape",
        )

    def say(self, parts: str, line: str, *words: str, text: str = "") -> str:
        """What a line prints that uses these parts of a script, as a script would."""
        told = "\n".join((SCRIPTS / f"{part}.sh").read_text() for part in parts.split())
        ended = self.run(f"set -eu\nLC_ALL=C\n{told}\n{line}", *words, text=text)
        assert ended.returncode == 0, ended
        return ended.stdout.removesuffix("\n")


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> Shell:
    """Each of them."""
    require(request.param.split()[0])
    return Shell(request.param)
