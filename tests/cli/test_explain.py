"""`metahub explain`, as a person and as a script run it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from metahub.cli import app
from metahub.core.digest import Digest
from metahub.core.distribution import DOCKER_LIST, MAX_MANIFEST_BYTES, OCI_INDEX
from metahub.core.rewrite import Rewritten, Terms, rewrite
from metahub.rules import read_rules
from tests.core.indexes import as_bytes, attestation, digest_of, entry, index
from tests.rules.written import HASH, write

RULES = f"""\
machine_types:
  type1: {{platform: linux/amd64, features: [cpu:broadwell]}}
  type4: {{features: [cpu:broadwell, nvcap:5.2]}}
clients:
  - {{user: alice, password_hash: {HASH}, machine_type: type4}}
  - {{network: 10.0.0.0/8, machine_type: type1}}
registries: [docker.io, "localhost:5000"]
images:
  - {{match: docker.io/qnib/open, no_fit: upstream}}
  - {{match: docker.io/qnib/one, answer: manifest}}
"""

BENCH = as_bytes(
    index(
        entry("generic"),
        entry("broadwell", "cpu:broadwell"),
        attestation("about", of="broadwell"),
        entry("gpu", "cpu-broadwell", "nvcap-5.2"),
        entry("arm", platform="linux/arm64"),
    )
)
SKYLAKE = as_bytes(index(entry("skylake", "cpu:skylake"), entry("zen", "cpu:zen2")))
PLAIN = as_bytes(index(entry("one"), entry("two", platform="linux/arm64")))

TABLE_FOR_TYPE1 = """\
entry         platform         requires                         why
{generic}  linux/amd64      nothing                   goes   fits, but one that requires \
cpu:broadwell is closer
{broadwell}  linux/amd64      cpu:broadwell             stays  fits
{about}  unknown/unknown  nothing                   stays  speaks of {broadwell}
{gpu}  linux/amd64      cpu:broadwell, nvcap:5.2  goes   requires nvcap:5.2, which type1 does not \
offer
{arm}  linux/arm64      nothing                   goes   is for linux/arm64, and type1 is \
linux/amd64
"""
REFUSAL = (
    "MetaHub: no build of index.json fits machine type type1 (cpu:broadwell): one requires"
    " cpu:skylake, which type1 does not offer, one requires cpu:zen2, which type1 does not offer"
)
ONE_ASKER = "expected one of --type, --user, --address and --all-types"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory with rules; indexes are written to it."""
    write(tmp_path / "rules", {"a.yaml": RULES})
    return tmp_path


def explain(place: Path, body: bytes, *options: str, **env: str) -> Result:
    """Run the command on an index, for type1 if no option says for whom."""
    (place / "index.json").write_bytes(body)
    asker = {"--type", "--user", "--address"}.intersection(options)
    arguments = ["--index", str(place / "index.json"), "--rules", str(place / "rules"), *options]
    for_type1 = [] if asker else ["--type", "type1"]
    return CliRunner().invoke(app, ["explain", *arguments, *for_type1], env={"COLUMNS": "40"} | env)


def shortened(*names: str) -> dict[str, str]:
    """How a table shows the digests of these manifests."""
    return {name: Digest.parse(digest_of(name)).short for name in names}


def rewritten(place: Path, body: bytes, name: str, media_type: str = OCI_INDEX) -> Rewritten:
    """What the core makes of an index by the same rules."""
    rules = read_rules(place / "rules")
    terms = Terms(rules.machine_types[name], rules.vocabulary)
    answer = rewrite(body, media_type, "index.json", terms)
    assert isinstance(answer, Rewritten)
    return answer


def test_a_person_reads_what_becomes_of_each_entry(place: Path) -> None:
    """The result in one sentence, then a table, uncut however narrow the terminal is."""
    done = explain(place, BENCH)
    answer = rewritten(place, BENCH, "type1")
    assert (done.exit_code, done.stderr) == (0, "")
    headline, table = done.stdout.split("\n", 1)
    assert headline == (
        f"Rewritten for type1 (cpu:broadwell): {answer.upstream_digest} is served as"
        f" {answer.digest}, 2 of 5 entries stay."
    )
    assert table == TABLE_FOR_TYPE1.format(
        **shortened("generic", "broadwell", "about", "gpu", "arm")
    )


def test_a_terminal_shows_in_colour_what_stays(place: Path) -> None:
    """Wrapped to its width."""
    env = {"FORCE_COLOR": "1", "NO_COLOR": "", "TERM": "xterm", "COLUMNS": "200"}
    done = explain(place, BENCH, **env)
    short = shortened("generic", "broadwell")
    assert f"\x1b[32m{short['broadwell']}" in done.stdout
    assert f"\x1b[2m{short['generic']}" in done.stdout


def test_a_script_reads_json(place: Path) -> None:
    """In the shape that is promised."""
    done = explain(place, BENCH, "--json")
    answer = rewritten(place, BENCH, "type1")
    shown = json.loads(done.stdout)
    entries = shown.pop("entries")
    assert shown == {
        "result": "rewritten",
        "machine_type": "type1",
        "upstream_digest": str(answer.upstream_digest),
        "digest": str(answer.digest),
        "message": "2 of 5 entries stay",
    }
    assert entries[3] == {
        "digest": digest_of("gpu"),
        "platform": "linux/amd64",
        "requires": ["cpu:broadwell", "nvcap:5.2"],
        "stays": False,
        "reason": "requires nvcap:5.2, which type1 does not offer",
    }
    assert [one["stays"] for one in entries] == [False, True, True, False, False]


@pytest.mark.parametrize(
    ("media_type", "stated", "options"),
    [
        (OCI_INDEX, True, ()),
        (DOCKER_LIST, True, ()),
        (OCI_INDEX, False, ()),
        (DOCKER_LIST, False, ("--media-type", DOCKER_LIST)),
        (DOCKER_LIST, True, ("--media-type", OCI_INDEX)),
    ],
)
def test_the_bytes_that_are_served_can_be_had(
    place: Path, media_type: str, stated: bool, options: tuple[str, ...]
) -> None:
    """Those that the proxy serves. What an index says of its type goes before the option."""
    fields = index(entry("generic"), entry("b", "cpu:broadwell"), media_type=media_type)
    if not stated:
        del fields["mediaType"]
    body, output = as_bytes(fields), place / "served.json"
    done = explain(place, body, "--output", str(output), *options)
    assert done.exit_code == 0
    assert output.read_bytes() == rewritten(place, body, "type1", media_type).body


def test_an_unchanged_index_is_upstream_s_own(place: Path) -> None:
    """Byte for byte, and all of its entries stay."""
    output = place / "served.json"
    done = explain(place, PLAIN, "--type", "type4", "--output", str(output))
    digest = Digest.of(PLAIN)
    assert done.exit_code == 0
    assert done.stdout.splitlines()[0] == (
        f"Unchanged for type4 (cpu:broadwell, nvcap:5.2): {digest} is served as it is, nothing in"
        " the index requires anything."
    )
    assert output.read_bytes() == PLAIN
    shown = json.loads(explain(place, PLAIN, "--type", "type4", "--json").stdout)
    assert shown["result"] == "unchanged"
    assert shown["digest"] == shown["upstream_digest"] == str(digest)
    assert all(one["stays"] for one in shown["entries"])


def test_a_refusal_is_told_with_its_message(place: Path) -> None:
    """Nothing stays, and nothing has a digest."""
    done = explain(place, SKYLAKE)
    assert done.exit_code == 0
    assert done.stdout.splitlines()[0] == f"Refused, with the message: {REFUSAL}"
    shown = json.loads(explain(place, SKYLAKE, "--json").stdout)
    assert (shown["result"], shown["digest"], shown["message"]) == ("refused", None, REFUSAL)
    assert not any(one["stays"] for one in shown["entries"])


def test_nothing_is_written_of_a_refusal(place: Path) -> None:
    """It is told first, and the exit code is 1."""
    output = place / "served.json"
    done = explain(place, SKYLAKE, "--output", str(output))
    assert done.exit_code == 1
    assert done.stdout.startswith("Refused, with the message: ")
    assert done.stderr == f"metahub explain: nothing is served, so {output} is not written\n"
    assert not output.exists()


@pytest.mark.parametrize(
    ("option", "value", "machine_type"),
    [
        ("--type", "type4", "type4"),
        ("--user", "alice", "type4"),
        ("--address", "10.1.2.3", "type1"),
        ("--address", "::ffff:10.1.2.3", "type1"),
    ],
)
def test_who_asks_may_be_said_in_three_ways(
    place: Path, option: str, value: str, machine_type: str
) -> None:
    """Each leads to a machine type."""
    done = explain(place, BENCH, option, value, "--json")
    assert json.loads(done.stdout)["machine_type"] == machine_type


def test_the_rules_may_say_more_of_an_image(place: Path) -> None:
    """Its name is in the refusal, and its policy decides."""
    refused = explain(place, SKYLAKE, "--image", "docker.io/qnib/bench", "--json")
    assert "no build of docker.io/qnib/bench fits" in json.loads(refused.stdout)["message"]
    passed = explain(place, SKYLAKE, "--image", "docker.io/qnib/open", "--json")
    shown = json.loads(passed.stdout)
    assert shown["result"] == "unchanged"
    assert shown["message"] == "no entry fits, and the rules ask for upstream's index then"
    assert all(one["stays"] for one in shown["entries"])
    short = explain(place, SKYLAKE, "--image", "qnib/bench:v2", "--json")
    assert "no build of docker.io/qnib/bench fits" in json.loads(short.stdout)["message"]


def test_one_manifest_may_be_the_answer_itself(place: Path) -> None:
    """The nearest one; what goes with it, or is as near, is not served either."""
    body = as_bytes(
        index(
            entry("generic"),
            entry("zstd", "cpu:broadwell"),
            entry("gzip", "cpu:broadwell"),
            attestation("about", of="zstd"),
        )
    )
    asked = ("--image", "docker.io/qnib/one")
    done = explain(place, body, *asked)
    headline, _, *rows = done.stdout.splitlines()
    assert headline == (
        f"Rewritten for type1 (cpu:broadwell): {Digest.of(body)} is served as {digest_of('zstd')},"
        " one manifest of 4 entries is the answer itself, as the rules ask."
    )
    short = shortened("zstd")
    assert [" ".join(row.split()[3:]) for row in rows] == [
        "goes fits, but one that requires cpu:broadwell is closer",
        "stays fits",
        "goes fits, but one manifest is the answer itself",
        f"goes speaks of {short['zstd']}, but one manifest is the answer itself",
    ]
    shown = json.loads(explain(place, body, *asked, "--json").stdout)
    assert (shown["result"], shown["digest"]) == ("rewritten", digest_of("zstd"))
    assert [one["stays"] for one in shown["entries"]] == [False, True, False, False]
    output = place / "served.json"
    done = explain(place, body, *asked, "--output", str(output))
    assert done.exit_code == 1
    assert done.stderr == (
        f"metahub explain: only the registry has the manifest {digest_of('zstd')}, so {output} is"
        " not written\n"
    )


def test_the_index_may_come_through_a_pipe(place: Path) -> None:
    """It is called stdin then."""
    arguments = ["explain", "--index", "-", "--type", "type1", "--rules", str(place / "rules")]
    done = CliRunner().invoke(app, [*arguments, "--json"], input=SKYLAKE)
    assert "no build of stdin fits" in json.loads(done.stdout)["message"]
    broken = CliRunner().invoke(app, arguments, input=b"[")
    assert broken.exit_code == 1
    assert broken.stderr.startswith("metahub explain: stdin is no index: ")


def test_a_terminal_obeys_nothing_that_upstream_wrote(place: Path) -> None:
    """Escape sequences are shown, and not sent."""
    body = as_bytes(index(entry("generic"), entry("evil", "x\x1b[2J", platform="linux/\x1b[2J")))
    done = explain(place, body)
    assert done.exit_code == 0
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ("--type", "typ1"),
            "the rules know no machine type 'typ1'; did you mean 'type1'?",
        ),
        (("--type", "skylake"), "the rules know no machine type 'skylake'"),
        (("--user", "alic"), "the rules know no user 'alic'; did you mean 'alice'?"),
        (("--user", "bob"), "the rules know no user 'bob'"),
        (
            ("--address", "192.0.2.1"),
            "the rules know no client at 192.0.2.1: it gets upstream's index as it is",
        ),
        (("--address", "10.0.0"), "--address: expected an IP address, found '10.0.0'"),
        (("--address", ""), "--address: expected an IP address, found ''"),
        (
            ("--image", "docker.io/Qnib/bench"),
            "--image: expected an image like docker.io/qnib/bench:latest, found"
            " 'docker.io/Qnib/bench'; did you mean 'docker.io/qnib/bench'?",
        ),
        (
            ("--image", ""),
            "--image: expected an image like docker.io/qnib/bench:latest, found ''",
        ),
        (
            ("--media-type", "text/html"),
            "--media-type: expected application/vnd.docker.distribution.manifest.list.v2+json or"
            " application/vnd.oci.image.index.v1+json, found 'text/html'",
        ),
        (("--output", "/nowhere/x"), "/nowhere/x cannot be written: No such file or directory"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(
    place: Path, options: tuple[str, ...], said: str
) -> None:
    """On stderr, with exit code 1."""
    body = as_bytes({**json.loads(BENCH), "mediaType": None})
    done = explain(place, body, *options)
    assert (done.exit_code, done.stderr) == (1, f"metahub explain: {said}\n")


def test_a_client_that_is_denied_is_told_so(place: Path) -> None:
    """It never gets to an index."""
    write(place / "rules", {"b.yaml": "unknown_clients: deny"})
    done = explain(place, BENCH, "--address", "192.0.2.1")
    assert done.stderr == (
        "metahub explain: the rules know no client at 192.0.2.1: it is asked for a user and"
        " password\n"
    )


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "not JSON"),
        (b"\x00\xff\xfe", "not JSON"),
        (b"[]", "expected a JSON object, found a list"),
        (b"7", "expected a JSON object, found a whole number"),
        (b"9" * 10_000, ""),
        (b'{"manifests": 5}', "manifests: expected a list, found a whole number"),
        (b'{"mediaType": 5, "manifests": []}', "mediaType: expected a string, found a whole"),
        (b'{"mediaType": "text/html", "manifests": []}', "mediaType: expected application/vnd.oci"),
        (b'{"manifests": [{"digest": "x"}]}', "manifests[0]"),
        (b"[" * 10_000, "nested deeper than "),
        (b'{"a":' * 10_000, "nested deeper than "),
        (b" " * 5 * 1024 * 1024, f"it has more than the {MAX_MANIFEST_BYTES} bytes that clients"),
    ],
)
def test_a_hostile_index_is_one_sentence(place: Path, body: bytes, said: str) -> None:
    """On stderr, with exit code 1, and no traceback."""
    done = explain(place, body)
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit)
    assert done.stderr.startswith(f"metahub explain: index.json is no index: {said}")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nowhere.json", "No such file or directory"),
        ("rules", "Is a directory"),
    ],
)
def test_an_index_that_cannot_be_read_is_one_sentence(place: Path, name: str, said: str) -> None:
    """On stderr, with exit code 1."""
    done = explain(place, BENCH, "--index", str(place / name))
    assert done.exit_code == 1
    assert done.stderr == f"metahub explain: {place / name} cannot be read: {said}\n"


def test_rules_with_mistakes_are_told_as_check_does(place: Path) -> None:
    """All of them, with exit code 1."""
    write(place / "rules", {"b.yaml": "unknown_clients: pas"})
    done = explain(place, BENCH)
    assert done.exit_code == 1
    assert done.stderr == (
        f"{place}/rules/b.yaml:1: unknown_clients: found 'pas', expected one of pass, deny;"
        f" did you mean 'pass'?\n1 mistake in {place}/rules\n"
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--index a --type a --user b", ONE_ASKER),
        ("--index a --user a --all-types", ONE_ASKER),
        ("--index a", ONE_ASKER),
        ("--type a", "expected one of IMAGE and --index"),
        ("ubuntu --index a --type a", "expected one of IMAGE and --index"),
        ("ubuntu --type a --image b", "--image does not go with IMAGE"),
        ("ubuntu --type a --media-type b", "--media-type does not go with IMAGE"),
        ("--index a --type a --plain-http", "--plain-http does not go with --index"),
        ("--index a --type a --ca b", "--ca does not go with --index"),
        ("--index a --type a --proxy b", "--proxy does not go with --index"),
        ("--index a --all-types --output b", "--output does not go with --all-types"),
    ],
)
def test_what_does_not_go_together_is_a_misuse(arguments: str, said: str) -> None:
    """Which typer tells with exit code 2."""
    done = CliRunner().invoke(app, ["explain", *arguments.split()], env={"COLUMNS": "120"})
    assert done.exit_code == 2
    assert said in done.stderr
