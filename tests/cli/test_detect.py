"""`metahub detect`, as a person and as a script run it, for this machine and for others."""

import json
import os
import subprocess
import sys
from pathlib import Path

import archspec.cpu
import pytest
from typer.testing import CliRunner, Result

from metahub.cli import app
from metahub.rules import RulesError, read_rules

EXAMPLE = Path(__file__).parents[2] / "metahub_rules" / "10-machine-types.yaml"
NFD = "feature.node.kubernetes.io/"
LABELS = f"kubernetes.io/arch=amd64\n{NFD}metahub-cpu.broadwell=true\n{NFD}metahub-nvcap.5.2=true\n"
RULES = """\
machine_types:
  type1: {platform: linux/amd64, features: [cpu:broadwell]}
  type4: {platform: linux/amd64, features: [cpu:broadwell, nvcap:5.2]}
  skylake: {platform: linux/amd64, features: [cpu:skylake]}
features: {nvcap: {kind: cuda_capability}, cpu: {kind: microarchitecture}}
clients: []
registries: [docker.io]
"""


def detect(*arguments: str, stdin: str = "") -> Result:
    """Run the command."""
    return CliRunner().invoke(app, ["detect", *arguments], input=stdin)


@pytest.fixture
def rules(tmp_path: Path) -> str:
    """A directory of rules with three machine types."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "a.yaml").write_text(RULES)
    return str(tmp_path / "rules")


@pytest.fixture
def labels(tmp_path: Path) -> str:
    """A file of labels."""
    file = tmp_path / "labels"
    file.write_text(LABELS)
    return str(file)


def node(name: str, *own: str) -> dict[str, object]:
    """A node as kubectl prints it, with labels of ours."""
    named = {f"{NFD}metahub-{one}": "true" for one in own}
    return {"metadata": {"name": name, "labels": {"kubernetes.io/arch": "amd64", **named}}}


FLEET = json.dumps({"items": [node("n1", "cpu.broadwell"), node("n2", "cpu.nehalem")]})


def test_this_machine_is_found_out() -> None:
    """As the program that a node runs: it exits with 0, and names the CPU as archspec does."""
    done = subprocess.run(
        [sys.executable, "-m", "metahub", "detect", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    assert f"cpu:{archspec.cpu.host().name}" in said["features"]
    assert said["platform"].startswith("linux/")


def test_the_machine_of_lscpu_is_the_same() -> None:
    """It counts the same sockets and cores, and reads the same vendor."""
    asked = subprocess.run(
        ["lscpu", "--json"],
        capture_output=True,
        check=True,
        env={"LC_ALL": "C", "PATH": os.environ["PATH"]},
    )
    said = flat(json.loads(asked.stdout)["lscpu"])
    features = json.loads(detect("--json").stdout)["features"]
    sockets, cores = int(said["Socket(s):"]), int(said["Core(s) per socket:"])
    assert {f"sockets:{sockets}", f"cores:{sockets * cores}"} <= set(features)
    assert f"smt:{'on' if int(said['Thread(s) per core:']) > 1 else 'off'}" in features
    found = json.loads(detect("--json").stdout)["found"]
    assert said["Vendor ID:"] in [one["found"] for one in found]


def flat(fields: list[dict[str, object]]) -> dict[str, str]:
    """The fields of lscpu, whose newer versions group them."""
    found = {}
    for one in fields:
        found[str(one["field"])] = str(one.get("data"))
        children = one.get("children", [])
        assert isinstance(children, list)
        found.update(flat(children))
    return found


def test_a_person_gets_a_table(labels: str) -> None:
    """What was found, the features, and where they were read."""
    done = detect("--node-labels", labels, "--name", "rack7")
    assert done.exit_code == 0
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["rack7", "(linux/amd64)"],
        ["found", "features", "read", "from"],
        ["labels", "of", "metahub", "2", "features", "cpu:broadwell,", "nvcap:5.2",
         "feature.node.kubernetes.io/metahub-*"],
    ]  # fmt: skip


def test_what_is_left_out_is_below() -> None:
    """With its reason; of many nodes each has its own table."""
    left_out = (
        "  found  features  read from\n\n"
        "left out, or to be known:\n"
        f"  CPU: no label {NFD}cpu-cpuid.*: the node is not labelled by NFD, or not x86-64\n"
        "  memory: no label says it; the node's status.capacity.memory would\n"
    )
    two = json.dumps({"items": [node("n1"), node("n2")]})
    done = detect("--node-labels", "-", stdin=two)
    assert done.exit_code == 0
    assert done.stdout == f"n1 (linux/amd64)\n{left_out}\nn2 (linux/amd64)\n{left_out}"


def test_the_machine_type_of_this_machine_is_valid(tmp_path: Path) -> None:
    """What is printed is read as rules, together with a client and a registry."""
    printed = detect("--yaml", "--name", "my-node").stdout
    rest = "clients: [{network: 10.0.0.0/8, machine_type: my-node}]\nregistries: [docker.io]\n"
    kinds = printed.replace("# features:", "features:").replace("#   ", "  ")
    (tmp_path / "a.yaml").write_text(kinds + rest)
    machine_type = read_rules(tmp_path).machine_types["my-node"]
    assert f"cpu:{archspec.cpu.host().name}" in map(str, machine_type.features)
    assert detect("--match", str(tmp_path)).exit_code == 0


def test_what_is_printed_goes_below_the_key_that_there_is(tmp_path: Path) -> None:
    """As its comment says; a second time the key is refused."""
    example = EXAMPLE.read_text()
    key = "machine_types:\n"
    comment, _, below = detect("--yaml", "--name", "my-node").stdout.partition(key)
    pasted = example.replace(key, f"{key}{below.partition('\n\n')[0]}\n")
    (tmp_path / "a.yaml").write_text(pasted + "clients: []\nregistries: [docker.io]\n")
    assert list(read_rules(tmp_path).machine_types)[:2] == ["my-node", "type1"]
    assert "machine_types already, in whatever file, this goes below it" in comment
    (tmp_path / "b.yaml").write_text(key + below)
    with pytest.raises(RulesError, match="found this key again"):
        read_rules(tmp_path)


def test_the_type_that_fits_is_named(rules: str, labels: str) -> None:
    """The closest, and why each other one is not it."""
    done = detect("--node-labels", labels, "--match", rules)
    assert done.exit_code == 0
    assert [" ".join(line.split()) for line in done.stdout.splitlines()] == [
        "node (linux/amd64) is of machine type type4",
        "machine type why",
        "type4 fits fits, and states all that the machine offers",
        "type1 fits fits; it does not state nvcap:5.2",
        "skylake does not fit the machine does not offer cpu:skylake",
    ]


def test_where_no_type_fits_the_nearest_is_named(rules: str) -> None:
    """One node of a fleet is enough for exit code 1."""
    done = detect("--node-labels", "-", "--match", rules, stdin=FLEET)
    lines = [line for line in done.stdout.splitlines() if line.startswith("n")]
    assert done.exit_code == 1
    assert lines == [
        "n1 (linux/amd64) is of machine type type1",
        "n2 (linux/amd64) is of no machine type: the nearest is type1, but the machine does not"
        " offer cpu:broadwell",
    ]


def test_a_script_gets_the_match_as_json(rules: str) -> None:
    """A list for a list of nodes."""
    done = detect("--node-labels", "-", "--match", rules, "--json", stdin=FLEET)
    first, second = json.loads(done.stdout)
    assert done.exit_code == 1
    assert (first["machine_type"], second["machine_type"]) == ("type1", None)
    assert first["machine_types"][1] == {
        "name": "type4",
        "fits": False,
        "reason": "the machine does not offer nvcap:5.2",
    }
    assert first["found"] == [
        {
            "subject": "labels of metahub",
            "found": "1 features",
            "features": ["cpu:broadwell"],
            "source": "feature.node.kubernetes.io/metahub-*",
        }
    ]


def test_labels_come_back_as_they_were_printed() -> None:
    """What this machine prints says the same of it as it does itself."""
    printed = detect("--print-labels").stdout
    assert f"{NFD}metahub-cpu.{archspec.cpu.host().name}=true\n" in printed
    features = json.loads(detect("--json").stdout)["features"]
    back = json.loads(detect("--node-labels", "-", "--json", stdin=printed).stdout)
    assert back[0]["features"] == features


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--yaml", "--json"), "--json does not go with --yaml"),
        (("--print-labels", "--json"), "--print-labels does not go with --json"),
        (("--yaml", "--match", "rules"), "--match does not go with --yaml"),
    ],
)
def test_what_does_not_go_together_is_refused(arguments: tuple[str, ...], said: str) -> None:
    """Before anything is looked for."""
    done = detect(*arguments)
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.replace("│", " ").split())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "it cannot be read: No such file or directory"),
        (b"\xff", "it is no UTF-8"),
        (b'{"items": []}', "found no node, expected what `kubectl get nodes -o json` prints"),
    ],
)
def test_a_file_without_nodes_is_said(content: bytes | None, said: str, tmp_path: Path) -> None:
    """On stderr, with exit code 1."""
    file = tmp_path / "nodes"
    if content is not None:
        file.write_bytes(content)
    done = detect("--node-labels", str(file))
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == f"metahub detect: {file}: {said}\n"


def test_rules_with_mistakes_are_said(tmp_path: Path) -> None:
    """As `metahub check` says them."""
    (tmp_path / "a.yaml").write_text("machine_types: {}\nclients: []\nregistries: [docker.io]\n")
    done = detect("--match", str(tmp_path))
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.endswith(f"1 mistake in {tmp_path}\n")
