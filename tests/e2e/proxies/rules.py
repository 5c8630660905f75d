"""Rules of the tests: those of the table, and what a test adds to them.

Knows the words of the YAML. Must not know who reads it.
"""

from typing import Any

import yaml

from metahub.demo.address import Address, Login
from metahub.demo.bench import TABLE, User
from metahub.demo.rules import rules_of

type Rules = dict[str, Any]

# Whatever the tests start listens at any port here, or in the namespaces of machine/network.py.
# What a next proxy resolves, goes by its name.
HERE_AND_THERE = [
    "127.0.0.0/8:*", "[::1]:*", "10.20.0.0/16:*", "[fd00:20::/32]:*", "localhost:*", "*.test:*"
]  # fmt: skip

TYPE1, TYPE2, TYPE3, TYPE4 = TABLE


def table(*registries: Address) -> Rules:
    """The table's machine types and users, for these registries."""
    rules: Rules = yaml.safe_load(rules_of(registries[0]))
    registered = {"registries": [str(registry) for registry in registries]}
    return rules | registered | {"allow_destinations": HERE_AND_THERE}


def with_networks(rules: Rules, networks: dict[str, User]) -> Rules:
    """These rules, where an address of a network is what the user is."""
    more = [
        {"network": network, "machine_type": user.machine_type}
        for network, user in networks.items()
    ]
    return rules | {"clients": rules["clients"] + more}


def login_of(user: User) -> Login:
    """How a user of the table shows itself to the proxy."""
    return Login(user.name, user.password)
