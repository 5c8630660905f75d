"""What a program finds in its environment, and who put it there.

Knows how Go's programs look for a proxy. Must not know the files in which it was found.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

HTTPS_PROXY, HTTP_PROXY, NO_PROXY = "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"


@dataclass(frozen=True, slots=True)
class Setting:
    """A variable of an environment. Its value may hold a password.

    `mistake` says why its value does not arrive as it stands there.
    """

    name: str
    value: str = field(repr=False)
    where: str
    mistake: str | None = None


type Settings = Mapping[str, Setting]


def settings_of(environment: Mapping[str, str], where: str) -> dict[str, Setting]:
    """The variables of an environment that were all found in one place."""
    return {name: Setting(name, value, where) for name, value in environment.items()}


def found(settings: Settings, name: str) -> Setting | None:
    """The one that Go's programs take, which is in capitals or in small letters, but not empty.

    https://pkg.go.dev/golang.org/x/net/http/httpproxy#FromEnvironment
    """
    spelt = (settings.get(name), settings.get(name.lower()))
    return next((setting for setting in spelt if setting and setting.value), None)


def last_of_each(settings: Iterable[Setting]) -> dict[str, Setting]:
    """Where a name is set again, the later one counts."""
    return {setting.name: setting for setting in settings}
