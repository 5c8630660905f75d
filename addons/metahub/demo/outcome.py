"""What the demo saw, pull by pull, and whether it is the table.

Knows what was expected and what came; must not know how it was asked for, nor how it is shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from metahub.core.digest import Digest
from metahub.demo.bench import WITHOUT_METAHUB, User
from metahub.demo.container import Printed


@dataclass(frozen=True, slots=True)
class Seen:
    """What one pull of the plain name brought: the digests of index and manifest, and the line."""

    digest: Digest
    manifest: Digest
    printed: Printed

    def as_json(self) -> dict[str, object]:
        """The keys that every pull has in the JSON of an Outcome."""
        return {
            "prints": self.printed.line,
            "ran": self.printed.ran,
            "digest": str(self.digest),
            "manifest": str(self.manifest),
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything that the demo saw; `upstream` is the digest of the index that was pushed."""

    image: str
    registry: str
    upstream: Digest
    by_user: Mapping[User, Seen]
    without: Seen

    def is_right_for(self, user: User) -> bool:
        """Whether a user got its row of the table, in an index that was made for it."""
        seen = self.by_user[user]
        return seen.printed.line == user.gets.line and seen.digest != self.upstream

    @property
    def is_right_without(self) -> bool:
        """Whether the pull without MetaHub gave the first build, in the index that was pushed."""
        line = self.without.printed.line
        return line == WITHOUT_METAHUB.line and self.without.digest == self.upstream

    @property
    def is_right(self) -> bool:
        """Whether this is the table."""
        return self.is_right_without and all(map(self.is_right_for, self.by_user))

    def as_json(self) -> dict[str, object]:
        """The shape that `metahub demo --json` promises to scripts.

        `{"right", "image", "registry", "upstream_digest", "pulls": [PULL, …], "without_metahub":
        PULL}`, where PULL is `{"prints", "expected", "right", "ran", "digest", "manifest"}`, and
        for a user also `"user", "machine_type", "features"`. `ran` tells whether the line was
        printed by the running program or read out of it.
        """
        return {
            "right": self.is_right,
            "image": self.image,
            "registry": self.registry,
            "upstream_digest": str(self.upstream),
            "pulls": [self._pull_as_json(user) for user in self.by_user],
            "without_metahub": {
                **self.without.as_json(),
                "expected": WITHOUT_METAHUB.line,
                "right": self.is_right_without,
            },
        }

    def _pull_as_json(self, user: User) -> dict[str, object]:
        return {
            "user": user.name,
            "machine_type": user.machine_type,
            "features": list(user.features),
            **self.by_user[user].as_json(),
            "expected": user.gets.line,
            "right": self.is_right_for(user),
        }
