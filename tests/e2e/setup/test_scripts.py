"""What shells, and who reads them, say of a whole script."""

import subprocess

import pytest

from metahub.node.setup import RUNTIMES
from tests.e2e.machine.parts import require_programs
from tests.e2e.setup.setting_up import SetUp
from tests.e2e.setup.shells import Shell


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_shellcheck_has_nothing_to_say(runtime: str, setting_up: SetUp) -> None:
    """As POSIX sh, of a whole script, and of what it brings into containers."""
    require_programs("shellcheck")
    script = setting_up.script(runtime)
    checked = subprocess.run(
        ["shellcheck", "--shell=sh", "-"], input=script, capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stdout) == (0, "")


def test_a_download_that_was_cut_off_does_nothing(setting_up: SetUp, shell: Shell) -> None:
    """Wherever it was: all would complain of the option, had they read it."""
    script = setting_up.script("system")
    ends = [*range(0, len(script) - 100, 4001), *range(len(script) - 60, len(script) - 3)]
    for end in ends:
        cut = shell.feed(script[:end], "--wrong", "x")
        assert "unknown option" not in cut.stderr, script[:end][-80:]
    whole = shell.feed(script, "--wrong", "x")
    assert "metahub: unknown option: --wrong" in whole.stderr


MISUSED = [
    (("--password", "sesame"), "a password on the command line is seen by everybody"),
    (("--password=sesame",), "a password on the command line is seen by everybody"),
    (("--frobnicate",), "unknown option, or one that wants a value: --frobnicate"),
    (("--frobnicate=x",), "unknown option: --frobnicate"),
    (("--user",), "unknown option, or one that wants a value: --user"),
    (("--user", ""), "--user wants a value"),
    (("docker",), "unknown option, or one that wants a value: docker"),
]


@pytest.mark.parametrize(("words", "sentence"), MISUSED)
def test_what_an_option_is_not(
    words: tuple[str, ...], sentence: str, setting_up: SetUp, shell: Shell
) -> None:
    """It is said before anything else, with exit code 2, and what was typed is not repeated."""
    script = setting_up.script("docker")
    said = shell.feed(script, *words)
    assert said.returncode == 2
    assert sentence in said.stderr
    assert "sesame" not in said.stderr
