"""Images of two builds, and two machine types: one is to get the build for Haswell, one must not.

Knows where an entry may say what it requires. Must not know who pulls.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import yaml

from metahub.demo.address import Address
from metahub.demo.bench import User
from metahub.demo.images import Build, IndexedImages, index_of
from metahub.demo.rules import rules_of
from tests.e2e.proxies.rules import Rules
from tests.e2e.upstreams.attestations import attested

PLAIN = Build(">> for any amd64")
FOR_HASWELL = Build(">> for haswell")

NEWER = User("newer", "haswell", "Haswell", ("cpu:haswell",), FOR_HASWELL)
OLDER = User("older", "nehalem", "Nehalem", ("cpu:nehalem",), PLAIN)

LEVEL3 = replace(FOR_HASWELL, variant="v3")
WITH_OS_FEATURES = replace(FOR_HASWELL, os_features=("cpu:haswell",))
WITH_FEATURES = replace(FOR_HASWELL, features=("cpu:haswell",))

LEVELS = "choices/levels"
OS_FEATURES = "choices/os-features"
ATTESTED = "choices/attested"

IMAGES: Mapping[str, IndexedImages] = MappingProxyType(
    {
        LEVELS: index_of((LEVEL3, PLAIN)),
        OS_FEATURES: index_of((WITH_OS_FEATURES, PLAIN)),
        ATTESTED: attested(index_of((WITH_FEATURES, PLAIN))),
    }
)

# What runtimes take of the same indexes alone. They refuse a v3; of the rest they take the first.
# docker 29.6 and later run a v3 where the CPU can, and refuse os.features, as containerd 2.3 does.
ALONE: Mapping[str, Build] = MappingProxyType(
    {LEVELS: PLAIN, OS_FEATURES: WITH_OS_FEATURES, ATTESTED: WITH_FEATURES}
)


def rules_for(registry: Address, *users: User) -> Rules:
    """The machine types of these users, or of the two, for this registry."""
    rules: Rules = yaml.safe_load(rules_of(registry, users or (NEWER, OLDER)))
    return rules
