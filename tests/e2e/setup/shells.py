"""The shells that scripts are for, and parts of scripts in them."""

import subprocess
from dataclasses import dataclass
from importlib.resources import files

SCRIPTS = files("metahub.node") / "scripts"
SECONDS = 20


@dataclass(frozen=True, slots=True)
class Shell:
    """One of them, by how it is started."""

    command: tuple[str, ...]

    def feed(self, script: str, *words: str) -> subprocess.CompletedProcess[str]:
        """A script on its stdin, as from curl."""
        return self._ended(("-s", "--", *words), script)

    def run(self, script: str, *words: str, text: str = "") -> subprocess.CompletedProcess[str]:
        """A script, with words and with this on its stdin."""
        return self._ended(("-c", script, "sh", *words), text)

    def say(self, parts: str, line: str, *words: str, text: str = "") -> str:
        """What a line prints that uses these parts of a script, as a script would."""
        told = "\n".join((SCRIPTS / f"{part}.sh").read_text() for part in parts.split())
        ended = self.run(f"set -eu\nLC_ALL=C\n{told}\n{line}", *words, text=text)
        assert ended.returncode == 0, ended
        return ended.stdout.removesuffix("\n")

    def _ended(self, words: tuple[str, ...], text: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.command, *words],
            input=text,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            errors="surrogateescape",
        )


DASH = Shell(("dash",))
SHELLS = (DASH, Shell(("bash", "--posix")), Shell(("busybox", "sh")))
