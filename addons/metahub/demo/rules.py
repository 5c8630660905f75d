"""The rules of the demo as YAML: the machine types and users of the table, and one registry.

Knows the words of metahub_rules/; must not know how they are read.
"""

from collections.abc import Iterable, Mapping

import yaml
from argon2 import PasswordHasher

from metahub.demo.address import Address
from metahub.demo.bench import TABLE, User

# The least that argon2id can do, in KiB: the passwords are in the talk.
HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def rules_of(registry: Address, users: Iterable[User] = TABLE) -> str:
    """Rules under which each of the users gets its row of the table from this registry."""
    users = tuple(users)
    document = {
        "machine_types": {user.machine_type: _machine_type(user) for user in users},
        "clients": [_client(user) for user in users],
        "unknown_clients": "pass",
        "features": {
            "nvcap": {"kind": "cuda_capability"},
            "cpu": {"kind": "microarchitecture"},
        },
        "registries": [str(registry)],
    }
    return yaml.safe_dump(document, sort_keys=False)


def _machine_type(user: User) -> Mapping[str, object]:
    return {"description": user.description, "features": list(user.features)}


def _client(user: User) -> Mapping[str, object]:
    return {
        "user": user.name,
        "password_hash": HASHER.hash(user.password),
        "machine_type": user.machine_type,
    }
