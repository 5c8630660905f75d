"""How a script is run: over stdin, as from curl, with the password where nobody sees it."""

from collections.abc import Callable
from dataclasses import dataclass

from metahub.demo.address import Login
from tests.e2e.setup.machine import Machine, Said

type Shell = tuple[str, ...]

NOTHING = "{} is set up as it should be: nothing to change\n"
SHELLS: tuple[Shell, ...] = (("dash",), ("bash", "--posix"), ("busybox", "sh"))


@dataclass(frozen=True, slots=True)
class SetUp:
    """The script of each runtime, for one proxy and its CA."""

    script: Callable[[str], str]
    shell: Shell = SHELLS[0]
    before: tuple[str, ...] = ()
    """What stands before the shell, to be another user."""

    def run(self, on: Machine, runtime: str, *words: str, user: Login | None = None) -> Said:
        """What came of it, whatever that is."""
        login = ("--user", user.user) if user else ()
        password = {"METAHUB_PASSWORD": user.password} if user else {}
        command = (*self.before, *self.shell, "-s", "--", *login, *words)
        return on.run(command, password, self.script(runtime))

    def succeed(self, on: Machine, runtime: str, *words: str, user: Login | None = None) -> str:
        """What a person reads of it, where it has to work."""
        said = self.run(on, runtime, *words, user=user)
        assert said.exit_code == 0, said
        return said.out + said.err
