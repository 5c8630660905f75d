"""That a test which was killed leaves no control group for long."""

import os
import subprocess
from pathlib import Path

from tests.e2e.setup.machine import forget_stale


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
