"""That tests leave the control groups of this machine alone, also those that were killed."""

import os
import subprocess
from pathlib import Path

from tests.e2e.setup.machine import JOINED, forget_stale


def test_groups_of_the_dead_are_forgotten(tmp_path: Path) -> None:
    """In one hierarchy or in many; those of tests that run stay, as does what is no test's."""
    ended = subprocess.Popen(["true"])
    ended.wait()
    dead = [f"metahub-e2e-{ended.pid}/machine/init.scope", f"cpu/metahub-e2e-{ended.pid}/machine"]
    alive = [f"metahub-e2e-{os.getpid()}/machine", "cpu/other"]
    for group in (*dead, *alive):
        (tmp_path / group).mkdir(parents=True)
    forget_stale(tmp_path)
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.glob("**/")) == [
        ".",
        "cpu",
        "cpu/other",
        f"metahub-e2e-{os.getpid()}",
        f"metahub-e2e-{os.getpid()}/machine",
    ]


def test_nothing_starts_outside_of_a_group_of_its_own() -> None:
    """As where the hierarchies are not to be seen, and so none was joined."""
    done = subprocess.run(
        ["sh", "-c", JOINED, "joined", "--", "echo", "started"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "started" in done.stdout) == (1, False)
    assert done.stderr == "these control groups cannot be the test's own\n"
