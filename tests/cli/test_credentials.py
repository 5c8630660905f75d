"""`metahub credentials`, as a person and as a script run it."""

import json
import re
import socket
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import argon2
import pytest
from typer.testing import CliRunner, Result

from metahub.cli import app
from metahub.cli.token import Token
from metahub.rules import Rules, read_rules
from metahub.store import SqlStore
from tests.rules.test_writer import full_disk
from tests.rules.written import OTHER

RULES = f"""\
machine_types: {{type1: {{}}, type2: {{}}}}
registries: [docker.io]
clients:
  - user: anna   # the first
    password_hash: {OTHER}
    machine_type: type1
  - {{network: 10.0.0.0/8, machine_type: type2}}
"""
NOW = datetime.now(UTC)
A_DAY_AGO = (NOW - timedelta(days=1)).replace(microsecond=0)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory with a config.yaml, rules beside it, and no store yet."""
    (tmp_path / "config.yaml").write_text(
        "listen_port: 3128\nmetahub_rules: rules\nmetahub_store: kept.sqlite\n"
    )
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "a.yaml").write_text(RULES)
    return tmp_path


def run(place: Path, *words: str) -> Result:
    """What a command says, with the config.yaml of the place."""
    command, *more = words
    config = ("--config", str(place / "config.yaml"))
    return CliRunner().invoke(app, ["credentials", command, *config, *more])


def rules_of(place: Path) -> Rules:
    """The rules as they are now."""
    return read_rules(place / "rules")


def token_of(url: str) -> str:
    """The password of a proxy URL."""
    return urlsplit(url).password or ""


def opens(place: Path, user: str, token: str) -> list[bool]:
    """Whether a token is right by each of the hashes of a user."""
    return [verifies(hashed.text, token) for hashed in rules_of(place).password_hashes[user]]


def verifies(hashed: str, token: str) -> bool:
    """Whether a hash is of the token."""
    try:
        return argon2.PasswordHasher().verify(hashed, token)
    except argon2.exceptions.VerifyMismatchError:
        return False


def test_a_token_is_shown_once(place: Path) -> None:
    """With the line that a node needs; the rules hold a hash of it, and nothing else has it."""
    done = run(place, "add", "node7", "--type", "type2")
    assert done.exit_code == 0
    first, export = done.stdout.splitlines()
    token = first.removeprefix("token  ")
    assert export == (f"export HTTPS_PROXY=http://node7:{token}@{socket.gethostname()}:3128")
    assert done.stderr == (
        f"{place}/rules/a.yaml holds its hash; a running proxy takes it within a second."
        " The token is not shown again.\n"
    )
    assert opens(place, "node7", token) == [True]
    (hashed,) = rules_of(place).password_hashes["node7"]
    assert hashed.since
    assert abs(hashed.since - datetime.now(UTC)) < timedelta(seconds=30)
    assert not [file for file in place.rglob("*.*") if file.is_file() and token in file.read_text()]


def test_tokens_cannot_be_guessed(place: Path) -> None:
    """Each of 192 bits, in letters that need no quotes, neither in a URL nor in a shell."""
    tokens = set()
    for number in range(5):
        done = run(place, "add", f"node{number}", "--type", "type1", "--json")
        tokens.add(json.loads(done.stdout)["token"])
    assert len(tokens) == 5
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{32}", token) for token in tokens)


def test_a_script_gets_json(place: Path) -> None:
    """And nothing else on stdout; a name is encoded as URLs have it."""
    done = run(place, "add", "Jürgen K@", "--type", "type1", "--json", "--proxy", "p.example:80")
    told = json.loads(done.stdout)
    assert told["user"] == "Jürgen K@"
    assert told["url"] == f"http://J%C3%BCrgen%20K%40:{told['token']}@p.example:80"
    assert opens(place, "Jürgen K@", told["token"]) == [True]


@pytest.mark.parametrize(
    ("proxy", "url"),
    [
        ("p.example:80", "http://n:{}@p.example:80"),
        ("http://p.example:80/", "http://n:{}@p.example:80"),
        ("https://p.example:443", "https://n:{}@p.example:443"),
        ("[2001:db8::1]:8080", "http://n:{}@[2001:db8::1]:8080"),
    ],
)
def test_a_proxy_may_be_elsewhere(place: Path, proxy: str, url: str) -> None:
    """Than config.yaml says: behind a name of its own, or behind another port."""
    told = json.loads(run(place, "add", "n", "--type", "type1", "--json", "--proxy", proxy).stdout)
    assert told["url"] == url.format(told["token"])


@pytest.mark.parametrize(
    "proxy", ["p.example", "http://", "ftp://p:21", "http://u:p@p:80", "p:80/x", "p:http", "p:80?x"]
)
def test_what_is_no_proxy(place: Path, proxy: str) -> None:
    """Is told before anything is written."""
    done = run(place, "add", "n", "--type", "type1", "--proxy", proxy)
    assert done.exit_code == 2
    assert "expected http://HOST:PORT" in done.stderr
    assert (place / "rules" / "a.yaml").read_text() == RULES


def test_no_config_is_needed_where_all_is_said(place: Path) -> None:
    """Rules and proxy may be named instead."""
    (place / "config.yaml").unlink()
    said = ("--rules", str(place / "rules"))
    done = run(place, "add", "n", "--type", "type1", *said, "--proxy", "p:80")
    assert done.exit_code == 0
    assert run(place, "remove", "n", *said).exit_code == 0
    done = run(place, "add", "n", "--type", "type1", *said)
    why = f"{place}/config.yaml: No such file or directory; name another with --config"
    assert (done.exit_code, done.stderr) == (1, f"metahub credentials: {why}\n")


def test_a_port_that_is_none(place: Path) -> None:
    """Is told with its file."""
    (place / "config.yaml").write_text("listen_port: http\n")
    done = run(place, "add", "n", "--type", "type1")
    why = f"{place}/config.yaml: listen_port: expected a port, found 'http'"
    assert (done.exit_code, done.stderr) == (1, f"metahub credentials: {why}\n")


def test_a_rotated_token_goes_on_for_a_while(place: Path) -> None:
    """Both are right, and when the old one ends stands beside it."""
    old = json.loads(run(place, "add", "n", "--type", "type1", "--json").stdout)["token"]
    done = run(place, "rotate", "n", "--grace", "12h", "--json")
    told = json.loads(done.stdout)
    assert opens(place, "n", told["token"]) == [True, False]
    assert opens(place, "n", old) == [False, True]
    until = datetime.fromisoformat(told["previous_until"])
    assert until - datetime.fromisoformat(told["since"]) == timedelta(hours=12)
    assert rules_of(place).password_hashes["n"][1].until == until
    assert done.stderr.endswith(f" The token before holds until {told['previous_until']}.\n")


def test_a_rotated_token_may_end_at_once(place: Path) -> None:
    """With that which a rotation before has left."""
    run(place, "rotate", "anna")
    done = run(place, "rotate", "anna", "--grace", "0")
    token = done.stdout.splitlines()[0].removeprefix("token  ")
    assert opens(place, "anna", token) == [True]
    assert done.stderr.endswith(" The token before holds no longer.\n")


@pytest.mark.parametrize("grace", ["7", "-1d", "1.5h", "d", "a week", "99999999d", "400d", "53w"])
def test_what_is_no_time(place: Path, grace: str) -> None:
    """Is told before anything is written."""
    done = run(place, "rotate", f"--grace={grace}", "anna")
    assert done.exit_code == 2
    assert "--grace: expected a" in done.stderr
    assert (place / "rules" / "a.yaml").read_text() == RULES


def test_whoever_is_removed_leaves_no_trace(place: Path) -> None:
    """Added, rotated and removed: not a byte of the rules has changed."""
    for words in (("add", "n", "--type", "type1"), ("rotate", "n"), ("remove", "n")):
        done = run(place, *words)
        assert done.exit_code == 0
    assert done.stderr == (
        f"n is out of {place}/rules/a.yaml; a running proxy takes it within a second."
        " A connection that is open goes on.\n"
    )
    assert done.stdout == ""
    assert (place / "rules" / "a.yaml").read_text() == RULES


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "n", "--type", "typ1"),
         "the rules know no machine type 'typ1'; did you mean 'type1'?"),
        (("add", "anna", "--type", "type1"),
         "there is a user 'anna' already ({place}/rules/a.yaml:4): rotate its token"),
        (("add", "a:b", "--type", "type1"),
         "found 'a' with a colon behind it, expected a user name, without a colon"),
        (("add", "a\udcff", "--type", "type1"),
         "found 'a\\udcff', expected a user name of printable characters"),
        (("rotate", "ana"), "the rules know no user 'ana'; did you mean 'anna'?"),
        (("remove", "bert"), "the rules know no user 'bert'"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_told(place: Path, words: Sequence[str], said: str) -> None:
    """In one sentence; no token is shown that opens nothing."""
    done = run(place, *words)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == f"metahub credentials: {said.format(place=place)}\n"
    assert (place / "rules" / "a.yaml").read_text() == RULES


@pytest.mark.parametrize("words", [("add", "n", "--type", "type1"), ("remove", "anna"), ("list",)])
def test_rules_that_are_wrong_are_told_whole(place: Path, words: Sequence[str]) -> None:
    """As `metahub check` does."""
    (place / "rules" / "b.yaml").write_text("imags: []\n")
    done = run(place, *words)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "b.yaml:1: imags: found an unknown key" in done.stderr
    assert done.stderr.endswith(f"1 mistake in {place}/rules\n")


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (("add", "n", "--type", "type1"), "let clients hold these lines"),
        (("rotate", "anna"), "let these lines stand for the user"),
        (("remove", "anna"), "take these lines out"),
    ],
)
def test_what_cannot_be_written_can_be_pasted(
    place: Path, words: Sequence[str], remedy: str
) -> None:
    """Where the rules come from, a ConfigMap of Kubernetes say; the token is shown with it."""
    with full_disk():
        done = run(place, *words)
    why = f"{place}/rules/a.yaml cannot be written (File too large)"
    first, lines = done.stderr.split("\n", 1)
    assert done.exit_code == 1
    assert first == f"metahub credentials: {why}. Where it comes from, {remedy}:"
    assert lines.startswith(f"  - user: {words[1]}")
    assert (place / "rules" / "a.yaml").read_text() == RULES
    if words[0] == "remove":
        assert done.stdout == ""
        return
    (hashed,) = re.findall(r"^    password_hash: (\S+)$", lines, re.MULTILINE)
    assert verifies(hashed, token_of(done.stdout.split("HTTPS_PROXY=")[1].strip()))


def test_users_are_listed(place: Path) -> None:
    """With what the rules and the store say of each; networks have no credentials."""
    run(place, "add", "bert", "--type", "type2")
    run(place, "rotate", "bert")
    with closing(SqlStore.at(place / "kept.sqlite")) as store:
        store.keep_seen({"anna": A_DAY_AGO, "gone": A_DAY_AGO})
    new, old = rules_of(place).password_hashes["bert"]
    since, until = f"{new.since:%Y-%m-%dT%H:%M:%SZ}", f"{old.until:%Y-%m-%dT%H:%M:%SZ}"
    done = run(place, "list")
    assert (done.exit_code, done.stderr) == (0, "")
    assert [re.split(r" {2,}", line) for line in done.stdout.splitlines()] == [
        ["USER", "TYPE", "SINCE", "LAST SEEN", "TOKEN BEFORE"],
        ["anna", "type1", "-", f"{A_DAY_AGO:%Y-%m-%dT%H:%M:%SZ}", "-"],
        ["bert", "type2", since, "never", f"until {until}"],
    ]


def test_a_token_that_has_ended_is_listed_so(place: Path) -> None:
    """It may go, and `metahub check` says so too."""
    file = place / "rules" / "a.yaml"
    ended = f"previous: {{password_hash: '{OTHER}', until: 2001-01-01T00:00:00Z}}"
    file.write_text(RULES.replace("machine_type: type1", f"machine_type: type1\n    {ended}"))
    done = run(place, "list")
    assert done.stdout.splitlines()[1].endswith("  ended 2001-01-01T00:00:00Z")
    assert "this password has ended" in CliRunner().invoke(app, ["check", str(file.parent)]).stderr


def test_scripts_get_the_list_as_json(place: Path) -> None:
    """Where there is no store, nobody knows who was seen: that is not to say never."""
    done = run(place, "list", "--json")
    assert json.loads(done.stdout) == [
        {
            "user": "anna",
            "operator": False,
            "machine_type": "type1",
            "since": None,
            "last_seen": "unknown (no store yet)",
            "previous_until": None,
        }
    ]


def test_an_operator_has_a_token_for_the_page(place: Path) -> None:
    """And is no user of the proxy; whoever is taken out leaves an empty list."""
    done = run(place, "add", "alice", "--operator", "--proxy", "p.example:80")
    first, page = done.stdout.splitlines()
    token = first.removeprefix("token  ")
    assert page == "page   http://p.example:80/status"
    rules = rules_of(place)
    (hashed,) = rules.operator_hashes["alice"]
    assert verifies(hashed.text, token)
    assert list(rules.password_hashes) == ["anna"]
    assert run(place, "rotate", "alice").stderr.endswith("the rules know no user 'alice'\n")
    told = json.loads(run(place, "rotate", "alice", "--operator", "--json").stdout)
    new, old = rules_of(place).operator_hashes["alice"]
    assert [verifies(new.text, told["token"]), verifies(old.text, token)] == [True, True]
    assert told["url"] == f"http://{socket.gethostname()}:3128/status"
    assert run(place, "remove", "alice", "--operator").exit_code == 0
    assert (place / "rules" / "a.yaml").read_text() == f"{RULES}operators: []\n"


@pytest.mark.parametrize("more", [(), ("--operator", "--type", "type1")])
def test_a_user_is_of_a_type_or_an_operator(place: Path, more: Sequence[str]) -> None:
    """One of them is to be said, and not both."""
    done = run(place, "add", "n", *more)
    assert done.exit_code == 2
    assert "expected one of --type and --operator" in done.stderr
    assert (place / "rules" / "a.yaml").read_text() == RULES


def test_lines_of_an_operator_can_be_pasted(place: Path) -> None:
    """Beneath the key that they belong to."""
    with full_disk():
        done = run(place, "add", "alice", "--operator")
    assert "let operators hold these lines:\n  - user: alice\n" in done.stderr


def test_operators_are_listed_behind_the_users(place: Path) -> None:
    """When they were seen, nobody keeps."""
    run(place, "add", "alice", "--operator")
    (hashed,) = rules_of(place).operator_hashes["alice"]
    since = f"{hashed.since:%Y-%m-%dT%H:%M:%SZ}"
    last = run(place, "list").stdout.splitlines()[-1]
    assert re.split(r" {2,}", last) == ["alice", "(operator)", since, "-", "-"]
    assert json.loads(run(place, "list", "--json").stdout)[-1] == {
        "user": "alice",
        "operator": True,
        "machine_type": None,
        "since": since,
        "last_seen": None,
        "previous_until": None,
    }


def test_a_store_that_cannot_be_read_hides_no_user(place: Path) -> None:
    """What is wrong with it is told beside the list."""
    (place / "kept.sqlite").write_text("no database")
    done = run(place, "list")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[1].split()[:4] == ["anna", "type1", "-", "unknown"]
    assert done.stderr.startswith(f"metahub credentials: {place}/kept.sqlite cannot be used")


def test_no_representation_shows_a_token() -> None:
    """A traceback may end up in a log."""
    token = Token.made("n", "http://p:80")
    assert token.text not in repr(token)
    assert token.hashed not in repr(token)
