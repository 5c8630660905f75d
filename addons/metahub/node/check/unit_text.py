"""What systemd reads in the text of its unit files and environment files.

Knows quotes, escapes and specifiers. Must not know where files lie, nor what they are for.
https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html#Environment
"""

import re
from collections.abc import Iterator, Mapping

_QUOTED = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'"
_WORD = re.compile(rf"\s*((?:[^\s\"'\\]|\\.|{_QUOTED})+)(?=\s|$)", re.DOTALL)
_PIECE = re.compile(rf"{_QUOTED}|(?:[^\"'\\]|\\.)+", re.DOTALL)
_ESCAPE = re.compile(
    r"\\(?:x(?P<hex>[0-9a-fA-F]{2})|(?P<octal>[0-7]{3})"
    r"|u(?P<short>[0-9a-fA-F]{4})|U(?P<long>[0-9a-fA-F]{8})|(?P<letter>.))",
    re.DOTALL,
)
_BASES = {"hex": 16, "octal": 8, "short": 16, "long": 16}
_LETTERS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "s": " ", "t": "\t", "v": "\v"}

# Of a letter or digit behind it that it does not know, systemd makes an error, not text.
# https://github.com/systemd/systemd/blob/v252/src/shared/specifier.c#L31-L35
_SPECIFIER = re.compile(r"%(?P<letter>[%0-9A-Za-z])")

_ASSIGNMENT = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)=(?P<value>.*)", re.DOTALL)
_OF_A_FILE = re.compile(
    r"^[ \t]*(?P<name>[A-Za-z_][A-Za-z0-9_]*)[ \t]*="
    r"(?P<quoted>(?:[ \t]*(?:\"(?:[^\"\\]|\\.)*\"|'[^']*'))*)"
    r"[ \t]*(?P<bare>(?:[^\n\\]|\\.)*)$",
    re.DOTALL | re.MULTILINE,
)
_QUOTED_IN_A_FILE = re.compile(r"\"(?P<double>(?:[^\"\\]|\\.)*)\"|'(?P<single>[^']*)'", re.DOTALL)


class SpecifierError(ValueError):
    """A `%` that systemd takes for the beginning of something of its own."""


def entries(text: str) -> Iterator[tuple[str, str]]:
    """The keys of the section [Service] and their values, in their order."""
    section = ""
    for line in _lines(text):
        if line.startswith("["):
            section = line.strip()
        elif section == "[Service]" and "=" in line:
            key, _, value = line.partition("=")
            yield key.strip(), value.strip()


def _lines(text: str) -> Iterator[str]:
    """Lines of which one that ends with a backslash goes on; comments may stand in between."""
    begun = ""
    for line in text.splitlines():
        if line.lstrip().startswith(("#", ";")):
            continue
        whole = begun + line.lstrip()
        goes_on = (len(whole) - len(whole.rstrip("\\"))) % 2 == 1
        begun = f"{whole[:-1]} " if goes_on else ""
        if not goes_on:
            yield whole
    if begun:
        yield begun


def words(text: str) -> Iterator[str]:
    """Words without their quotes; behind one that does not end, systemd reads no further."""
    position = 0
    while match := _WORD.match(text, position):
        yield "".join(map(_unquoted, _PIECE.findall(match[1])))
        position = match.end()


def assignment(word: str) -> tuple[str, str] | None:
    """The name and the value of a variable; None for a word that is none."""
    match = _ASSIGNMENT.fullmatch(word)
    return (match["name"], match["value"]) if match else None


def expanded(text: str, unit: str) -> str:
    """The text with the name of the unit where it asks for it. Raises SpecifierError."""
    full, (name, _, _) = unit, unit.rpartition(".")
    known = {"%": "%", "n": full, "N": name, "p": name}

    def meant(match: re.Match[str]) -> str:
        if match["letter"] not in known:
            raise SpecifierError
        return known[match["letter"]]

    return _SPECIFIER.sub(meant, text)


def environment_file(text: str) -> Mapping[str, str]:
    """What an EnvironmentFile sets: quotes as in a shell, and no specifiers."""
    uncommented = re.sub(r"^[ \t]*[#;].*\n?", "", text, flags=re.MULTILINE)
    return {
        match["name"]: _quoted_of_a_file(match["quoted"]) + _bare_of_a_file(match["bare"])
        for match in _OF_A_FILE.finditer(uncommented)
    }


def _unquoted(piece: str) -> str:
    is_quoted = piece[0] in "\"'"
    return _ESCAPE.sub(_unescaped, piece[1:-1] if is_quoted else piece)


def _unescaped(match: re.Match[str]) -> str:
    kind = match.lastgroup or ""
    if kind == "letter":
        return _LETTERS.get(match["letter"], match["letter"])
    return chr(int(match[kind], _BASES[kind]))


def _quoted_of_a_file(text: str) -> str:
    return "".join(
        match["single"]
        if match["double"] is None
        else re.sub(r"\\([\"\\`$\n])", lambda m: m[1].strip("\n"), match["double"])
        for match in _QUOTED_IN_A_FILE.finditer(text)
    )


def _bare_of_a_file(text: str) -> str:
    return re.sub(r"\\(.)", lambda m: m[1].strip("\n"), text.rstrip(), flags=re.DOTALL)
