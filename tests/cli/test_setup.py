"""`metahub setup`, as a person runs it who brings the script to a node."""

import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from metahub.cli import app
from metahub.demo.tls import Authority
from metahub.node.setup import RUNTIMES, setup_script

CONFIG = "confdir: ca\nmetahub_rules: rules\nlisten_port: 3128\n"
RULES = """\
machine_types: {a: {}}
clients: [{network: 10.0.0.0/8, machine_type: a}]
registries: [docker.io, registry.example.com:5000]
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A config.yaml with a CA and rules beside it."""
    for folder in ("ca", "rules"):
        (tmp_path / folder).mkdir()
    Authority.create("MetaHub").write(tmp_path / "ca" / "mitmproxy-ca-cert.pem")
    (tmp_path / "rules" / "a.yaml").write_text(RULES)
    file = tmp_path / "config.yaml"
    file.write_text(CONFIG)
    return file


def say(*words: str) -> Result:
    """`metahub setup` with these words."""
    return CliRunner().invoke(app, ["setup", *words], env={"COLUMNS": "200"})


def test_without_a_runtime_all_are_listed() -> None:
    """Each on a line, with what its script changes; no file is read for that."""
    done = say()
    assert done.exit_code == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(RUNTIMES)


def test_the_script_is_that_of_the_proxy(config: Path) -> None:
    """With its CA, its port and its registries, and nothing else on stdout."""
    ca = (config.parent / "ca" / "mitmproxy-ca-cert.pem").read_bytes()
    registries = ["docker.io", "registry.example.com:5000"]
    for words, proxy in (
        (["--proxy", "http://proxy.example.com:1"], "http://proxy.example.com:1"),
        ([], f"http://{subprocess.getoutput('uname -n')}:3128"),
    ):
        done = say("docker", *words, "--config", str(config))
        assert done.stdout == setup_script("docker", proxy, [ca], registries), done.output


def test_a_proxy_at_one_address_is_reached_there(config: Path) -> None:
    """As `metahub serve` and `metahub credentials` say it."""
    config.write_text(f"{CONFIG}listen_host: 192.0.2.7\n")
    assert "\nPROXY=http://192.0.2.7:3128\n" in say("docker", "--config", str(config)).stdout


def test_a_port_that_is_no_number_is_told(config: Path) -> None:
    """In the words of the file."""
    config.write_text(CONFIG.replace("3128", "abc"))
    done = say("docker", "--config", str(config))
    said = f"metahub: {config}: listen_port: expected a port, found 'abc'\n"
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", said)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("rkt",), f"expected one of {', '.join(RUNTIMES)}, found 'rkt'"),
        (
            ("docker", "--proxy", "proxy.example.com"),
            "expected a proxy like http://proxy.example.com:8080, found 'proxy.example.com'",
        ),
    ],
)
def test_what_means_nothing_is_refused(words: tuple[str, ...], sentence: str, config: Path) -> None:
    """With what would mean something."""
    done = say(*words, "--config", str(config))
    assert done.exit_code == 2
    assert sentence in done.stderr


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        ("config.yaml", "config.yaml: No such file or directory; name another with --config"),
        ("ca/mitmproxy-ca-cert.pem", "mitmproxy-ca-cert.pem is not there: `metahub ca create`"),
        ("rules/a.yaml", "1 mistake in "),
    ],
)
def test_what_is_missing_is_named(file: str, sentence: str, config: Path) -> None:
    """And no half of a script is printed, for a shell would run it."""
    (config.parent / file).unlink()
    done = say("docker", "--config", str(config))
    assert (done.exit_code, done.stdout) == (1, "")
    assert sentence in done.stderr
