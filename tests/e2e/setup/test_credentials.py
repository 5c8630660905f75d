"""Where a script takes the password from, who sees it on its way, and which CA it trusts."""

import os
import subprocess
import termios
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from metahub.demo.address import Login
from metahub.demo.tls import Authority
from tests.e2e.machine.parts import require
from tests.e2e.machine.running import bare_environment, eventually
from tests.e2e.setup.machine import Machine
from tests.e2e.setup.setting_up import URL, USER, SetUp, scripts_for

WRITTEN = "/etc/metahub/docker.env"
TOOLS = (
    *("awk", "cat", "chmod", "cp", "cut", "diff", "find", "grep", "mkdir", "mv", "od", "rm", "sed"),
    *("sha256sum", "sort", "tail", "tr"),
)
WATCHED = '#!/bin/sh\n/bin/echo "$0 $*" >>/tmp/words\n/usr/bin/env >>/tmp/words\nexec {} "$@"\n'


def test_no_program_is_told_the_password(there: Machine, setting_up: SetUp) -> None:
    """Neither as a word, which anybody may read, nor by its environment."""
    for tool in TOOLS:
        real = there.sh(f"command -v {tool}").strip()
        there.write(f"/tmp/watched/{tool}", WATCHED.format(real), 0o755)
    path = f"/tmp/watched:{bare_environment()['PATH']}"
    environment = {"PATH": path, "METAHUB_PASSWORD": USER.password}
    script = setting_up.script("docker")
    for words in (["--dry-run"], [], ["--no-restart"]):
        command = ["dash", "-s", "--", "--user", USER.user, *words]
        assert there.run(command, environment, script).exit_code == 0
    seen = there.read("/tmp/words")
    assert seen.count("/tmp/watched/od") >= 3
    assert [line for line in seen.splitlines() if "w%" in line] == []
    assert URL in there.read(WRITTEN)


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_file_has_it_in_its_only_line(end: str, there: Machine, setting_up: SetUp) -> None:
    """With a line break at the end or without."""
    there.write("/tmp/password", USER.password + end)
    words = ("--user", USER.user, "--password-file", "/tmp/password")
    setting_up.succeed(there, "docker", *words)
    assert URL in there.read(WRITTEN)


FILES = {
    "two\nlines": "the password has a line break or another control character in it",
    "one line\n\n": "the password has a line break or another control character in it",
    "\n": "the password is empty, nothing was changed",
}


@pytest.mark.parametrize("text", FILES)
def test_what_is_no_password_is_refused(text: str, there: Machine, setting_up: SetUp) -> None:
    """Before anything is changed, and without showing it."""
    there.write("/tmp/password", text)
    before = there.tree()
    words = ("--user", USER.user, "--password-file", "/tmp/password")
    said = setting_up.run(there, "docker", *words)
    assert (said.exit_code, said.out) == (1, "")
    assert FILES[text] in said.err
    assert there.differences(before) == []


@contextmanager
def asked(there: Machine, setting_up: SetUp) -> Iterator[tuple[int, int, subprocess.Popen[bytes]]]:
    """Somebody's terminal, both ends of it, and a script that comes over stdin beside it."""
    there.write("/tmp/script", setting_up.script("docker"))
    terminal, its_end = os.openpty()
    line = f"exec sh -s -- --user {USER.user} </tmp/script"
    enter = ["nsenter", f"--target={there.pid}", "--mount", "--root", "--wd", "--"]
    try:
        with subprocess.Popen(
            ["setsid", "--ctty", *enter, "sh", "-c", line],
            stdin=its_end,
            stdout=its_end,
            stderr=its_end,
            env=bare_environment(HOME="/root"),
        ) as asking:
            yield terminal, its_end, asking
    finally:
        os.close(its_end)
        os.close(terminal)


def test_somebody_is_asked_for_it(there: Machine, setting_up: SetUp) -> None:
    """On the terminal, though the script itself comes over stdin, and it is not shown there."""
    with asked(there, setting_up) as (terminal, _, asking):
        said = _read_until(terminal, "The password of node at MetaHub: ")
        os.write(terminal, f"{USER.password}\n".encode())
        said += _read_until(terminal, "systemctl restart docker")
        assert asking.wait() == 0
    assert USER.password not in said
    assert URL in there.read(WRITTEN)


def _shows_typing(its_end: int) -> bool:
    return bool(termios.tcgetattr(its_end)[3] & termios.ECHO)


@pytest.mark.parametrize("key", [b"\x03", b"\x1c"], ids=["Ctrl-C", "Ctrl-backslash"])
def test_who_changes_their_mind_sees_what_they_type(
    key: bytes, there: Machine, setting_up: SetUp
) -> None:
    """And nothing has changed."""
    before = there.tree()
    with asked(there, setting_up) as (terminal, its_end, asking):
        _read_until(terminal, "The password of node at MetaHub: ")
        assert not _shows_typing(its_end)
        os.write(terminal, key)
        assert asking.wait() != 0
        assert eventually(lambda: _shows_typing(its_end))
    there.sh("rm -r /tmp/script")
    assert there.differences(before) == []


def _read_until(terminal: int, words: str) -> str:
    said = ""
    while words not in said:
        said += os.read(terminal, 4096).decode()
    return said


def test_without_a_terminal_it_says_how(there: Machine, setting_up: SetUp) -> None:
    """As in a job that nobody watches."""
    alone = SetUp(setting_up.script, before=("setsid", "--wait"))
    said = alone.run(there, "docker", "--user", "node")
    sentence = "no password for node, and no terminal to ask for it: use --password-file FILE"
    assert (said.exit_code, said.err) == (1, f"metahub: {sentence}\n")


def test_a_node_that_is_known_by_its_address_has_none(there: Machine, setting_up: SetUp) -> None:
    """And a password without a user is a mistake."""
    setting_up.succeed(there, "docker")
    assert 'HTTPS_PROXY="http://proxy.example.com:8080"\n' in there.read(WRITTEN)
    said = there.run(["dash", "-s"], {"METAHUB_PASSWORD": "x"}, setting_up.script("docker"))
    assert (said.exit_code, "a password wants its --user NAME" in said.err) == (2, True)


def test_a_name_has_no_colon(there: Machine, setting_up: SetUp) -> None:
    """RFC 7617 2: the password would begin there."""
    said = setting_up.run(there, "docker", user=Login("a:b", "c"))
    assert (said.exit_code, "a user's name has no colon in it" in said.err) == (2, True)


@pytest.fixture(scope="module")
def cas(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Two of them, as while one follows the other."""
    folder = tmp_path_factory.mktemp("cas")
    return [Authority.create("MetaHub").write(folder / name).read_bytes() for name in ("1", "2")]


def _fingerprint(pem: bytes) -> str:
    return x509.load_pem_x509_certificate(pem).fingerprint(SHA256()).hex(":").upper()


@pytest.mark.parametrize("without", ["", "openssl", "base64", "sha256sum"])
def test_a_ca_is_trusted_by_its_fingerprint(without: str, there: Machine, cas: list[bytes]) -> None:
    """In whatever spelling, with whichever of the programs that can compute it."""
    require("openssl")
    first, second = map(_fingerprint, cas)
    if without in {"openssl", "base64"}:
        there.sh(f"rm -f $(which -a {without})")
    both = scripts_for(cas)
    shown = ("--fingerprint", first, "--fingerprint", second.lower().replace(":", ""))
    assert "would write" in both.succeed(there, "system", "--dry-run", *shown)
    before = there.tree()
    said = both.run(there, "system", "--fingerprint", first)
    assert (said.exit_code, said.out) == (1, "")
    sentence = f"the CA in this script has the fingerprint {second}, which --fingerprint does not"
    assert sentence in said.err
    assert there.differences(before) == []
