"""How a script is run: over stdin, as from curl, with the password where nobody sees it."""

from collections.abc import Callable
from dataclasses import dataclass

from metahub.demo.address import Login
from metahub.node.setup import setup_script
from tests.e2e.setup.machine import Machine, Said
from tests.e2e.setup.shells import DASH, Shell

NOTHING = "{} is set up as it should be: nothing to change\n"
USER = Login("node", "pass w%rd")
URL = "http://node:pass%20w%25rd@proxy.example.com:8080"
_STORE = """\
#!/bin/sh
find /usr/share/ca-certificates /usr/local/share/ca-certificates -name '*.crt' | sort |
    xargs cat >/etc/ssl/certs/ca-certificates.crt
"""
UNIT = "[Service]\nExecStart=/usr/bin/true\n"
_FAKE = '#!/bin/sh\necho "$0 $*"; env\n'


@dataclass(frozen=True, slots=True)
class SetUp:
    """The script of each runtime, for one proxy and its CA."""

    script: Callable[[str], str]
    shell: Shell = DASH
    before: tuple[str, ...] = ()
    """What stands before the shell, to be another user."""

    def run(self, on: Machine, runtime: str, *words: str, user: Login | None = None) -> Said:
        """What came of it, whatever that is."""
        login = ("--user", user.user) if user else ()
        password = {"METAHUB_PASSWORD": user.password} if user else {}
        command = (*self.before, *self.shell.command, "-s", "--", *login, *words)
        return on.run(command, password, self.script(runtime))

    def succeed(self, on: Machine, runtime: str, *words: str, user: Login | None = None) -> str:
        """What a person reads of it, where it has to work."""
        said = self.run(on, runtime, *words, user=user)
        assert said.exit_code == 0, said
        return said.out + said.err


def scripts_for(certificates: list[bytes]) -> SetUp:
    """Scripts with these certificates."""
    return SetUp(
        lambda runtime: setup_script(
            runtime,
            "http://proxy.example.com:8080",
            certificates,
            ["docker.io", "registry.example.com:5000"],
        )
    )


def plant_runtimes(on: Machine) -> None:
    """Every runtime, as far as a script can see, and a store that is quick."""
    on.write("/usr/local/sbin/update-ca-certificates", _STORE, 0o755)
    for unit in ("docker", "containerd", "k3s", "crio"):
        on.write(f"/usr/local/lib/systemd/system/{unit}.service", UNIT)
    for program in ("podman", "apptainer", "singularity"):
        on.write(f"/usr/bin/{program}", _FAKE, 0o755)
