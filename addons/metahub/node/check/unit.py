"""The environment that systemd gives a service, read from the files as systemd merges them.

Knows where unit files lie and which counts. Must not know what a variable is for.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from metahub.node.check import unit_text
from metahub.node.check.root import Root
from metahub.node.check.setting import Setting, last_of_each

# The first of two files of one name counts.
# https://www.freedesktop.org/software/systemd/man/latest/systemd.unit.html#Unit%20File%20Load%20Path
DIRECTORIES = (
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
    "/run/systemd/generator.early",
    "/etc/systemd/system",
    "/etc/systemd/system.attached",
    "/run/systemd/system",
    "/run/systemd/system.attached",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/run/systemd/generator.late",
)


@dataclass(frozen=True, slots=True)
class Unit:
    """A service by its name, `docker.service`, among the files of a node."""

    name: str
    root: Root = field(repr=False)

    @property
    def is_there(self) -> bool:
        """Whether one of the files is the service itself, and not only a drop-in of it."""
        return self._fragment is not None

    def files(self) -> list[str]:
        """The file of the service and its drop-ins, in the order in which they are read."""
        own = [self._fragment] if self._fragment else []
        return own + self._drop_ins()

    def settings(self) -> dict[str, Setting]:
        """What its environment holds, the files of `EnvironmentFile` over `Environment`.

        Raises UnreadableError.
        """
        told: list[Setting] = []
        files: list[str] = []
        for path in self.files():
            for key, value in unit_text.entries(self.root.text(path) or ""):
                if key == "Environment":
                    told = [*told, *self.told(value, path)] if value else []
                if key == "EnvironmentFile":
                    files = [*files, value] if value else []
        return last_of_each([*told, *self._in_files(files)])

    def told(self, text: str, where: str) -> Iterator[Setting]:
        """The variables in what `Environment=` is followed by."""
        for word in unit_text.words(text):
            assigned = unit_text.assignment(word)
            if assigned:
                yield self._setting(*assigned, where)

    def _setting(self, name: str, value: str, where: str) -> Setting:
        try:
            return Setting(name, unit_text.expanded(value, self.name), where)
        except unit_text.SpecifierError:
            return Setting(name, value, where, "systemd takes a % in it for a specifier of its own")

    def _in_files(self, values: Iterable[str]) -> Iterator[Setting]:
        for value in values:
            for path in self._expanded(value.removeprefix("-")):
                variables = unit_text.environment_file(self.root.text(path) or "")
                yield from (Setting(name, value, path) for name, value in variables.items())

    def _expanded(self, pattern: str) -> list[str]:
        try:
            directory, _, name = unit_text.expanded(pattern, self.name).rpartition("/")
        except unit_text.SpecifierError:
            return []
        return self.root.files(directory, name) if name else []

    @property
    def _fragment(self) -> str | None:
        places = (f"{directory}/{self.name}" for directory in DIRECTORIES)
        return next((path for path in places if self.root.has(path)), None)

    def _drop_ins(self) -> list[str]:
        by_name: dict[str, str] = {}
        for folder in _folders(self.name):
            for directory in DIRECTORIES:
                for path in self.root.files(f"{directory}/{folder}", "*.conf"):
                    by_name.setdefault(path.rpartition("/")[2], path)
        return [by_name[name] for name in sorted(by_name)]


def _folders(unit: str) -> list[str]:
    """`a-b.service.d`, `a-.service.d` and `service.d`."""
    name, _, kind = unit.rpartition(".")
    parts = name.split("-")
    shorter = ["-".join(parts[:count]) + "-" for count in range(len(parts) - 1, 0, -1)]
    return [*(f"{prefix}.{kind}.d" for prefix in (name, *shorter)), f"{kind}.d"]
