"""Edits of the users in the rules: what changes, and that nothing else does."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metahub.rules import EditError, PasswordHash, RulesError
from metahub.rules.edit import Edit, RulesText
from metahub.rules.source import MAX_FILE_BYTES, Source
from tests.rules.written import HASH, OTHER

TABLE = Path(__file__).with_name("edits.txt")
BESIDE = b"machine_types: {type1: {}, type2: {}}\nregistries: [docker.io]\n"

NOW = datetime(2026, 11, 25, 10, tzinfo=UTC)
IN_A_WEEK = NOW + timedelta(days=7)

EDITS: dict[str, Callable[[RulesText], Edit]] = {
    "add": lambda rules: rules.with_user("new", OTHER, "type1", NOW),
    "rotate": lambda rules: rules.with_password("a", OTHER, NOW, IN_A_WEEK),
    "end": lambda rules: rules.with_password("a", OTHER, NOW, None),
    "remove": lambda rules: rules.without_user("a"),
    "add operator": lambda rules: rules.operators.with_user("new", OTHER, None, NOW),
    "rotate operator": lambda rules: rules.operators.with_password("a", OTHER, NOW, IN_A_WEEK),
    "remove operator": lambda rules: rules.operators.without_user("a"),
}


def cases() -> Iterator[tuple[str, str, str]]:
    """The title, the file before, and the file after, or why it stays, of each case."""
    _, *written = TABLE.read_text().split("\n=== ")
    for case in written:
        title, _, files = case.partition("\n")
        before, after = (
            f"{file}\n".replace("·\n", "") for file in files.strip("\n").split("\n---\n")
        )
        yield title, before, after


def rules_text(content: bytes | str) -> RulesText:
    """Rules of which a file says all but their machine types and registries."""
    written = content.encode() if isinstance(content, str) else content
    sources = (Source(Path("a.yaml"), written), Source(Path("b.yaml"), BESIDE))
    return RulesText.of(Path("rules"), sources)


@pytest.mark.parametrize(
    ("title", "before", "after"), [pytest.param(*case, id=case[0]) for case in cases()]
)
def test_an_edit_changes_what_it_is_for(title: str, before: str, after: str) -> None:
    """And leaves every other byte alone, or the whole file, where it cannot be sure of that."""
    rules = rules_text(before.replace("HASH", HASH))
    edit = EDITS[title.partition(":")[0]]
    if after.startswith("! "):
        with pytest.raises(EditError) as caught:
            edit(rules)
        assert f"! {caught.value}\n" == after
        return
    edited = edit(rules)
    assert edited.after.decode() == after.replace("HASH", HASH).replace("NEW", OTHER)
    assert edited.before == rules.source.content
    assert edited.file == Path("a.yaml")


@pytest.mark.parametrize(
    ("content", "added"),
    [
        (b"\xef\xbb\xbfclients: []\r\n# caf\xc3\xa9\r\n", b"\r\n    machine_type: type1\r\n"),
        (b"# \xf0\x9f\x90\x8b\nclients: [] # \xe2\x82\xac", b"\n    machine_type: type1\n"),
        (b"clients: []\n# no newline\r\n", b"\n    machine_type: type1\n"),
    ],
    ids=["CRLF and BOM", "beyond ASCII", "mixed"],
)
def test_lines_end_as_others_do(content: bytes, added: bytes) -> None:
    """What comes and goes leaves the file as it was."""
    edited = EDITS["add"](rules_text(content))
    assert added in edited.after
    assert edited.after.count(b"\r\n") in {0, edited.after.count(b"\n"), 1}
    assert rules_text(edited.after).without_user("new").after == content


@pytest.mark.parametrize("edit", ["add", "remove"])
@pytest.mark.parametrize("end", ["\r", "\u2028"])
def test_lines_that_end_in_another_way_are_left_to_a_person(end: str, edit: str) -> None:
    """YAML knows ends of lines that no editor does: a line may hold more than it seems."""
    user = f"{{user: a, password_hash: {HASH}, machine_type: type1}}"
    content = f"clients:\n- {user} # a{end}- {{network: 10.0.0.0/8, machine_type: type1}}\n"
    rules = rules_text(content)
    assert len(rules.rules.clients) == 2
    with pytest.raises(EditError, match=r"^a\.yaml.* a person has to edit it$"):
        EDITS[edit](rules)


@pytest.mark.parametrize(
    "user", ["Alice B", "yes", "1234", "2026-11-25", "ä'\"\\", "- a", "#", "a,b"]
)
@pytest.mark.parametrize("before", ["clients: []\n", "clients: [ ]\n"], ids=["block", "flow"])
def test_a_name_that_yaml_takes_for_something_else_stands_in_quotes(user: str, before: str) -> None:
    """Whatever a name is, it is read as that name, and the lines that are told hold it."""
    edited = rules_text(before).with_user(user, OTHER, "type2", NOW)
    rules = rules_text(edited.after)
    assert rules.rules.password_hashes == {user: (PasswordHash(OTHER, since=NOW),)}
    assert edited.lines.strip() in edited.after.decode()
    assert rules.without_user(user).lines == edited.lines


A = f"clients: [{{user: alice, password_hash: {HASH}, machine_type: type1}}]"


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda rules: rules.operators.with_user("ada", OTHER, None, NOW),
         "there is an operator 'ada' already (a.yaml:2): rotate its token"),
        (lambda rules: rules.operators.without_user("adda"),
         "the rules know no operator 'adda'; did you mean 'ada'?"),
        (lambda rules: rules.operators.without_user("alice"), "the rules know no operator 'alice'"),
        (lambda rules: rules.without_user("ada"), "the rules know no user 'ada'"),
        (lambda rules: rules.with_user("a:b", OTHER, "type1", NOW),
         "found 'a' with a colon behind it, expected a user name, without a colon"),
        (lambda rules: rules.with_user("a\nb", OTHER, "type1", NOW),
         "found 'a\\nb', expected a user name of printable characters"),
        (lambda rules: rules.with_user("", OTHER, "type1", NOW),
         "found an empty text, expected a user name, without a colon"),
        (lambda rules: rules.with_user("alice", OTHER, "type1", NOW),
         "there is a user 'alice' already (a.yaml:1): rotate its token"),
        (lambda rules: rules.with_user("bob", OTHER, "tpye1", NOW),
         "the rules know no machine type 'tpye1'; did you mean 'type1'?"),
        (lambda rules: rules.with_user("bob", OTHER, "skylake", NOW),
         "the rules know no machine type 'skylake'; there are type1, type2"),
        (lambda rules: rules.with_password("alise", OTHER, NOW, None),
         "the rules know no user 'alise'; did you mean 'alice'?"),
        (lambda rules: rules.without_user("bob"), "the rules know no user 'bob'"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_told(edit: Callable[[RulesText], Edit], said: str) -> None:
    """With what was probably meant instead."""
    with pytest.raises(EditError) as caught:
        edit(rules_text(f"{A}\noperators: [{{user: ada, password_hash: {HASH}}}]\n"))
    assert str(caught.value) == said


@pytest.mark.parametrize("newline", ["\r", "\x85", "\u2028"])
@pytest.mark.parametrize("edit", ["add", "rotate", "end", "remove"])
def test_lines_that_only_yaml_tells_apart_are_left_alone(edit: str, newline: str) -> None:
    """Their last value could be replaced, but nobody would be shown it; so it is for a person."""
    users = (f"  - user: {u}\n    password_hash: {HASH}\n    machine_type: type1\n" for u in "ba")
    rules = rules_text("".join(("clients:\n", *users)).replace("\n", newline))
    with pytest.raises(EditError, match="a person has to edit it"):
        EDITS[edit](rules)


def test_the_old_token_goes_by_its_end_and_the_new_one_from_now_on() -> None:
    """As the rules say it to a proxy."""
    rules = rules_text(EDITS["rotate"](rules_text(A.replace("alice", "a"))).after).rules
    assert rules.password_hashes == {
        "a": (PasswordHash(OTHER, since=NOW), PasswordHash(HASH, IN_A_WEEK))
    }


def test_rules_that_are_wrong_are_not_edited() -> None:
    """Nobody could tell what comes of it."""
    with pytest.raises(RulesError, match="clients: found a text"):
        rules_text("clients: none")


def test_a_file_that_would_be_too_large_is_not_edited() -> None:
    """It would be refused as a whole."""
    comment = "#" * (MAX_FILE_BYTES - 50)
    with pytest.raises(EditError, match=r"^a\.yaml would have more than 1048576 bytes$"):
        EDITS["add"](rules_text(f"clients: []\n{comment}\n"))


BLANKS = st.sampled_from(["", " ", "  # a - comment: [", "\t# tab"])
LINES = st.lists(st.sampled_from(["", "# one", "  # two", "      # - six", " "]), max_size=2)


@st.composite
def clients(draw: st.DrawFn, indent: str, number: int) -> list[str]:
    """The lines of an item, with comments around them."""
    who = {"network": f"10.{number}.0.0/16"}
    if draw(st.booleans()):
        name = draw(st.sampled_from(["u{}", "'ü{}'", '"it\\"s {}"']))
        who = {
            "user": name.format(number),
            "password_hash": draw(st.sampled_from([HASH, f"'{OTHER}'"])),
        }
    pairs = [f"{key}: {value}" for key, value in (who | {"machine_type": "type1"}).items()]
    pairs = draw(st.permutations(pairs))
    if draw(st.booleans()):
        return [*draw(LINES), f"{indent}- {{{', '.join(pairs)}}}{draw(BLANKS)}"]
    first, *more = pairs
    lines = [f"{indent}- {first}{draw(BLANKS)}"]
    lines += [f"{indent}  {pair}{draw(BLANKS)}" for pair in more]
    return [*draw(LINES), *lines, *draw(LINES)]


@st.composite
def files(draw: st.DrawFn) -> str:
    """A file with clients in block style."""
    indent = draw(st.sampled_from(["", "  ", "    "]))
    count = draw(st.integers(0, 4))
    items = [line for number in range(count) for line in draw(clients(indent, number))]
    key = f"clients:{draw(BLANKS)}" if count else f"clients: []{draw(BLANKS)}"
    lines = [*draw(LINES), key, *items, *draw(LINES)]
    lines += draw(st.sampled_from([[], ["unknown_clients: deny"], ["features: {}  # none", ""]]))
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    return newline.join(lines) + draw(st.sampled_from(["", newline]))


@given(files())
def test_who_comes_and_goes_leaves_no_trace(text: str) -> None:
    """Whatever the order, the comments and the ends of the lines."""
    added = EDITS["add"](rules_text(text))
    assert added.after != added.before
    assert rules_text(added.after).without_user("new").after.decode() == text


@given(files())
def test_a_new_token_leaves_all_others_alone(text: str) -> None:
    """Of each user in turn; and who has got one still goes without a trace of it."""
    rules = rules_text(text)
    for user in rules.rules.password_hashes:
        rotated = rules_text(rules.with_password(user, OTHER, NOW, IN_A_WEEK).after)
        assert rotated.rules.password_hashes.keys() == rules.rules.password_hashes.keys()
        assert rotated.without_user(user).after == rules.without_user(user).after
        ended = rotated.with_password(user, HASH, NOW, None)
        assert rules_text(ended.after).rules.password_hashes[user] == (
            PasswordHash(HASH, since=NOW),
        )
