"""`metahub demo`, as a person and as a script run it."""

import json
import os
import signal
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from metahub.cli import app
from metahub.cli.demo import _show, _ways_to_try
from metahub.core.digest import Digest
from metahub.core.distribution import OCI_INDEX
from metahub.demo.address import Address
from metahub.demo.bench import BROADWELL, TABLE, WITHOUT_METAHUB
from metahub.demo.client import MANIFESTS
from metahub.demo.container import Printed
from metahub.demo.outcome import Outcome, Seen
from metahub.demo.proxy import RunningProxy
from metahub.demo.scene import Scene

TIME_TO_APPEAR = 60  # seconds


def seen(line: str, digest: bytes, *, ran: bool = True) -> Seen:
    """A pull that printed a line."""
    return Seen(Digest.of(digest), Digest.of(b"manifest"), Printed(line, ran))


RIGHT = Outcome(
    image="reg.test/qnib/bench",
    registry="docker-registry",
    upstream=Digest.of(b"upstream"),
    by_user={user: seen(user.gets.line, user.name.encode()) for user in TABLE},
    without=seen(WITHOUT_METAHUB.line, b"upstream"),
)
WRONG = replace(RIGHT, by_user={**RIGHT.by_user, TABLE[3]: seen(BROADWELL.line, b"other")})
READ = replace(RIGHT, without=seen(WITHOUT_METAHUB.line, b"upstream", ran=False))


def test_a_person_sees_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Each user's row with what it printed, then what there is without MetaHub."""
    _show(RIGHT, as_json=False)
    printed = capsys.readouterr().out
    rows = [line for line in printed.splitlines() if "✓" in line]
    for row, user in zip(rows, TABLE, strict=False):
        assert all(text in row for text in (user.name, user.machine_type, user.gets.line))
    assert all(text in rows[4] for text in ("without", WITHOUT_METAHUB.line))
    for digest in [*(seen.digest for seen in RIGHT.by_user.values()), RIGHT.upstream]:
        assert f"index sha256:{digest.short}…" in printed
    assert printed.endswith(
        "The lines were printed by the programs, running here. The table is as expected.\n"
    )


def test_a_wrong_row_is_marked(capsys: pytest.CaptureFixture[str]) -> None:
    """And the verdict says that there is one."""
    _show(WRONG, as_json=False)
    printed = capsys.readouterr().out
    (row,) = [line for line in printed.splitlines() if "qnib-type4" in line]
    assert "✗" in row
    assert printed.endswith("The table is NOT as expected where there is a ✗.\n")


def test_a_line_that_nobody_printed_is_called_so(capsys: pytest.CaptureFixture[str]) -> None:
    """On a machine that cannot run the programs."""
    _show(READ, as_json=False)
    assert "read out of the programs, which do not run on this machine" in capsys.readouterr().out


def scene_at(host: str) -> Scene:
    """A scene that somebody could play, at a registry of this name."""
    return Scene(
        directory=Path("/tmp/demo"),
        registry=Address(host, 5000),
        registry_kind="docker-registry",
        registry_authority=Path("/tmp/demo/registry-ca.pem"),
        proxy=RunningProxy(Address("127.0.0.1", 8080, "http"), Path("/tmp/demo/ca.pem")),
        architecture="amd64",
        upstream=RIGHT.upstream,
    )


def test_a_person_can_try_it_by_hand() -> None:
    """With what the runtimes and curl need to go through the proxy, and to trust it."""
    printed = "\n".join(_ways_to_try(scene_at("reg.test")))
    for command in (
        "export HTTPS_PROXY=http://qnib-type4:qnib-type4@127.0.0.1:8080\n",
        "export SSL_CERT_FILE=/tmp/demo/ca.pem\n",
        " https://reg.test:5000/v2/qnib/bench/manifests/latest\n",
        "podman run --rm --pull=always reg.test:5000/qnib/bench\n",
        "ctr run --rm reg.test:5000/qnib/bench:latest bench\n",
        "docker run --rm --pull=always reg.test:5000/qnib/bench ",
        "unset HTTPS_PROXY; export SSL_CERT_FILE=/tmp/demo/registry-ca.pem",
    ):
        assert command in printed


def test_without_a_name_only_curl_goes_through_the_proxy() -> None:
    """A person is told what the machine needs for the others."""
    printed = "\n".join(_ways_to_try(scene_at("127.0.0.1")))
    assert "curl " in printed
    assert "podman" not in printed
    assert "Add `127.0.0.1 reg.test` to /etc/hosts, and start again." in printed


@pytest.mark.e2e
def test_it_performs_and_exits_with_0() -> None:
    """JSON for scripts, and nothing else on standard output."""
    ended = CliRunner().invoke(app, ["demo", "--json"])
    assert ended.exit_code == 0, ended.output
    outcome = json.loads(ended.stdout)
    assert outcome["right"] is True
    assert [pull["prints"] for pull in outcome["pulls"]] == [user.gets.line for user in TABLE]


@dataclass(slots=True)
class Demo:
    """`metahub demo` as a program of its own, that keeps what it writes below `directory`."""

    directory: Path
    path: str = field(default_factory=lambda: os.environ["PATH"])
    running: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, *options: str) -> subprocess.Popen[str]:
        """Start it in a session of its own."""
        program = subprocess.Popen(
            [sys.executable, "-m", "metahub", "demo", *options],
            env=os.environ | {"TMPDIR": str(self.directory), "PATH": self.path},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.running.append(program)
        return program

    def stop(self) -> None:
        """Whatever a failed test left."""
        for program in self.running:
            program.terminate()
            program.communicate(timeout=TIME_TO_APPEAR)

    def leftovers(self) -> list[str]:
        """Files, and programs that were started with one of them."""
        files = [str(file) for file in self.directory.iterdir()]
        return files + [line for line in command_lines() if str(self.directory) in line]


def command_lines() -> Iterator[str]:
    """Of everything that runs on this machine, where it tells."""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield file.read_text(errors="replace").replace("\0", " ")
        except OSError:
            continue


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    """A demo that is not running yet."""
    demo = Demo(tmp_path)
    yield demo
    demo.stop()


def wait_for(appeared: Callable[[], bool]) -> None:
    """Wait until something has appeared."""
    deadline = time.monotonic() + TIME_TO_APPEAR
    while not appeared():
        assert time.monotonic() < deadline, "nothing appeared in time"
        time.sleep(0.05)


@pytest.mark.e2e
def test_it_leaves_nothing_behind(demo: Demo) -> None:
    """Neither files nor programs; without docker-registry it brings a registry of its own."""
    demo.path = "/nowhere"
    program = demo.start("--json")
    printed, complaints = program.communicate(timeout=TIME_TO_APPEAR)
    assert (program.returncode, complaints) == (0, "")
    assert json.loads(printed)["registry"] == "in-process"
    assert demo.leftovers() == []


@pytest.mark.e2e
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_leaves_nothing_behind_when_it_is_interrupted(
    demo: Demo, number: signal.Signals
) -> None:
    """In the middle of starting; a second signal changes nothing."""
    program = demo.start()
    wait_for(lambda: any(demo.directory.glob("*/metahub.log")))
    program.send_signal(number)
    program.send_signal(number)
    printed, complaints = program.communicate(timeout=TIME_TO_APPEAR)
    assert (program.returncode, printed, complaints) == (130, "", "")
    assert demo.leftovers() == []


def test_it_says_in_a_sentence_what_failed(demo: Demo) -> None:
    """Here a docker-registry that is none; and nothing is left behind."""
    command = demo.directory.with_name("bin") / "docker-registry"
    command.parent.mkdir()
    command.write_text("#!/bin/sh\necho no registry today; exit 7\n")
    command.chmod(0o700)
    demo.path = f"{command.parent}:/bin"
    program = demo.start()
    printed, complaints = program.communicate(timeout=TIME_TO_APPEAR)
    assert (program.returncode, printed) == (1, "")
    assert complaints == (
        "metahub demo: docker-registry ended with status 7; the last that it said:\n"
        "no registry today\n"
    )
    assert demo.leftovers() == []


@pytest.mark.e2e
def test_kept_running_it_can_be_tried_by_hand(demo: Demo) -> None:
    """With what it prints; Ctrl-C then ends it as a success."""
    program = demo.start("--keep")
    assert program.stdout
    printed = "".join(iter_until(program.stdout, "unset HTTPS_PROXY"))
    proxy, authority = after("HTTPS_PROXY=", printed), after("SSL_CERT_FILE=", printed)
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({"https": proxy}),
        urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=authority)),
    )
    request = urllib.request.Request(after(f"{OCI_INDEX}' ", printed), headers=MANIFESTS)
    with opener.open(request) as answer:
        (entry,) = json.loads(answer.read())["manifests"]
    assert entry["platform"]["features"] == list(TABLE[-1].gets.features)
    program.send_signal(signal.SIGINT)
    program.communicate(timeout=TIME_TO_APPEAR)
    assert program.returncode == 0
    assert demo.leftovers() == []


def after(words: str, printed: str) -> str:
    """What follows the words, up to a space."""
    return printed.partition(words)[2].split()[0]


def iter_until(lines: Iterable[str], words: str) -> Iterator[str]:
    """The lines up to the first with these words."""
    for line in lines:
        yield line
        if words in line:
            return
