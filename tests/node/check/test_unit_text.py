"""The words of systemd's files, read as systemd 252 reads them."""

import pytest

from metahub.node.check import unit_text
from metahub.node.check.unit_text import SpecifierError

PLAIN = "HTTPS_PROXY=http://u:p@proxy.test:8080"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PLAIN, [PLAIN]),
        (f'"{PLAIN}"', [PLAIN]),
        (f"'{PLAIN}' B=2", [PLAIN, "B=2"]),
        (' "A=with space"\tB="in it" ', ["A=with space", "B=in it"]),
        (r"A=\x41\102\u0043\U00000044", ["A=ABCD"]),
        (r"A=a\sb\tc\\d\"e", ['A=a b\tc\\d"e']),
        ('A=1 B="not closed C=3', ["A=1"]),
        ("", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    """Quotes and escapes may stand anywhere; what does not end is not read."""
    assert list(unit_text.words(text)) == expected


@pytest.mark.parametrize("word", ["BAD", "1A=x", "=x", "A B=x", "A-B=x"])
def test_no_assignment(word: str) -> None:
    """A word without a name before a = sets nothing."""
    assert unit_text.assignment(word) is None


def test_specifiers() -> None:
    """The name of the unit stands for some, and %% for a %."""
    text = "/etc/default/%N, %n, %p, 100%%, 5% of it, %-"
    expected = "/etc/default/k3s, k3s.service, k3s, 100%, 5% of it, %-"
    assert unit_text.expanded(text, "k3s.service") == expected


@pytest.mark.parametrize("text", ["p%40", "p%C3%A4", "%H", "%b2", "%%%4"])
def test_a_specifier_of_systemds_own(text: str) -> None:
    """What a URL has behind a %, systemd takes for something else, or for a mistake."""
    with pytest.raises(SpecifierError):
        unit_text.expanded(text, "docker.service")


UNIT = """\
[Unit]
Environment=NO=1
# Environment=NO=2
; Environment=NO=3
[Service]
 Environment = A=1 \\
# in between
   B=2
Environment=C=3\\\\
EnvironmentFile=-/etc/default/docker
no key
[Install]
Environment=NO=4
[Service]
Environment=D=4 \\"""


def test_entries() -> None:
    """Those of [Service], of which one may go on over lines."""
    assert list(unit_text.entries(UNIT)) == [
        ("Environment", "A=1  B=2"),
        ("Environment", "C=3\\\\"),
        ("EnvironmentFile", "-/etc/default/docker"),
        ("Environment", "D=4"),
    ]


FILE = """\
# HTTPS_PROXY=no
; B=no
HTTPS_PROXY=http://u:50%25@h:1
  QUOTED = "a \\"b\\" \\n c"  \nSINGLE='a\\b "c"'
JOINED="a"'b'c
SPACED=a b\t
LONG=a\\
b
ESCAPED=a\\ b
INNER=a"b"
EMPTY=
export EXPORTED=no
1BAD=no
TWICE=1
TWICE=2"""


def test_an_environment_file() -> None:
    """It has quotes as a shell has, and its % are its own."""
    assert unit_text.environment_file(FILE) == {
        "HTTPS_PROXY": "http://u:50%25@h:1",
        "QUOTED": 'a "b" \\n c',
        "SINGLE": 'a\\b "c"',
        "JOINED": "abc",
        "SPACED": "a b",
        "LONG": "ab",
        "ESCAPED": "a b",
        "INNER": 'a"b"',
        "EMPTY": "",
        "TWICE": "2",
    }
