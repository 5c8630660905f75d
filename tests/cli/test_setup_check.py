"""`metahub setup --check`, as a person and as a script run it, on nodes made of files."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from metahub.cli import app
from metahub.demo.address import free_port
from tests.node.check.certificates import signer
from tests.node.check.odd_proxy import OddProxy, of_metahub, page
from tests.node.check.trees import BUNDLE, docker

CA = signer()
WHOAMI = json.dumps(
    {"client": "u at 10.0.0.1", "user": "u", "address": "10.0.0.1", "machine_type": "type4",
     "features": ["cpu:broadwell"], "why": "b", "registries": ["reg.test"]}
).encode()  # fmt: skip


def run(*words: str, **env: str) -> Result:
    """What the command does."""
    return CliRunner().invoke(app, ["setup", "--check", *words], env={"COLUMNS": "20", **env})


def metahub(directory: Path) -> OddProxy:
    """A proxy that looks like MetaHub, before reg.test."""
    pages = {**of_metahub(CA.pem, WHOAMI), "GET /v2/": page("{}")}
    return OddProxy(pages, tls=CA.shows(directory, "reg.test"))


def test_all_works(tmp_path: Path) -> None:
    """A line for each step, unbroken where it is no terminal, and exit code 0."""
    with metahub(tmp_path).running() as proxy:
        docker(tmp_path, f"HTTPS_PROXY=http://u:secret@{proxy.place}", {BUNDLE: CA.pem})
        done = run("docker", "--root", str(tmp_path))
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == (
        f"✓ proxy        docker is told of http://u:****@{proxy.place} by HTTPS_PROXY in"
        " /etc/systemd/system/docker.service.d/metahub.conf.\n"
        "✓ name         127.0.0.1 is an address.\n"
        f"✓ answer       MetaHub answers at {proxy.place}.\n"
        "✓ credentials  The proxy takes the user 'u' and its password.\n"
        f"✓ CA           docker trusts the CA of the proxy: {BUNDLE} has it (SHA-256"
        f" {CA.fingerprint}).\n"
        "✓ registry     reg.test answers 200 to GET /v2/.\n"
        "✓ machine type MetaHub takes this node for u at 10.0.0.1, of type type4 (cpu:broadwell):"
        " b.\n"
        "docker: all 7 steps work.\n"
    )


def test_something_fails(tmp_path: Path) -> None:
    """The remedy is below it, and exit code is 1."""
    port = free_port()
    docker(tmp_path, f"HTTPS_PROXY=http://u:secret@127.0.0.1:{port}")
    done = run("--root", str(tmp_path), "--registry", "reg.test")
    assert done.exit_code == 1
    assert done.stdout.splitlines()[2:] == [
        f"✗ answer       127.0.0.1:{port} refuses connections: nothing listens there.",
        "    → Start MetaHub there, let firewalls pass that port, or correct the URL.",
        *(f"– {name:12} Not tried, for it needs the step 'answer' first."  # noqa: RUF001
          for name in ("credentials", "CA", "registry", "machine type")),
        "docker: 2 of 7 steps work.",
    ]  # fmt: skip


def test_json(tmp_path: Path) -> None:
    """For scripts, with the same sentences."""
    done = run("podman", "--root", str(tmp_path), "--json", HTTPS_PROXY="")
    told = json.loads(done.stdout)
    assert (done.exit_code, told["runtime"], told["proxy"], told["works"]) == (
        1,
        "podman",
        None,
        False,
    )
    assert [step["outcome"] for step in told["steps"]] == ["failed", *["not tried"] * 6]
    assert set(told["steps"][0]) == {"name", "outcome", "sentence", "remedy"}


def test_the_password_of_a_given_proxy(tmp_path: Path) -> None:
    """May be in the environment; the login is shown to the proxy only, and never printed."""
    with metahub(tmp_path).running() as proxy:
        docker(tmp_path, "", {BUNDLE: CA.pem})
        url = f"http://u@{proxy.place}"
        done = run("--root", str(tmp_path), "--proxy", url, METAHUB_PASSWORD="secret-word")
    assert done.exit_code == 0
    assert f"--proxy says http://u:****@{proxy.place}; no file was asked." in done.stdout
    assert "secret-word" not in done.output
    assert [
        head for head in proxy.heads if "Proxy-Authorization: Basic dTpzZWNyZXQtd29yZA==" in head
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--registry", "a b"], "expected a registry like ghcr.io or registry.test:5000"),
        (["dokcer"], "expected one of docker, k3s, crio, containerd, podman, apptainer, system"),
    ],
)
def test_words_that_are_not_known(words: list[str], said: str) -> None:
    """Are a mistake of who types them."""
    done = run(*words, COLUMNS="200")
    assert done.exit_code == 2
    assert said in done.stderr


def test_a_terminal(tmp_path: Path) -> None:
    """Shows marks in colour, and breaks lines below their beginning."""
    env = {"FORCE_COLOR": "1", "NO_COLOR": "", "TERM": "xterm", "COLUMNS": "60"}
    done = run("podman", "--root", str(tmp_path), **env, HTTPS_PROXY="")
    assert "\x1b[31m✗\x1b[0m  proxy         podman is told of no proxy:" in done.stdout
    assert "\n                 \x1b[1m→ Set it up, with MetaHub's host and port:" in done.stdout
    assert done.stdout.endswith("podman: 0 of 7 steps work.\n")
