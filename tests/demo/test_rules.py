"""The rules of the demo."""

from pathlib import Path
from typing import Any

import argon2
import pytest
import yaml

from metahub.demo.address import Address
from metahub.demo.bench import TABLE
from metahub.demo.rules import rules_of

EXAMPLE = Path(__file__).parents[2] / "metahub_rules"


@pytest.fixture(name="document")
def parsed_rules() -> Any:
    """The rules, as any YAML reader sees them."""
    return yaml.safe_load(rules_of(Address("reg.test", 5000)))


def test_they_open_one_registry(document: Any) -> None:
    """With its port, as clients name it."""
    assert document["registries"] == ["reg.test:5000"]


def test_they_hold_the_machine_types_of_the_table(document: Any) -> None:
    """With the features that the table gives them."""
    found = {name: tuple(found["features"]) for name, found in document["machine_types"].items()}
    assert found == {user.machine_type: user.features for user in TABLE}


def test_they_let_every_user_in(document: Any) -> None:
    """With the user's own name as password, of which only a hash is in the rules."""
    for client, user in zip(document["clients"], TABLE, strict=True):
        assert (client["user"], client["machine_type"]) == (user.name, user.machine_type)
        assert client["password_hash"].startswith("$argon2id$")
        assert argon2.PasswordHasher().verify(client["password_hash"], user.password)


def test_the_example_rules_carry_the_same_table(document: Any) -> None:
    """What a user edits first is what the demo shows: only there the passwords cost an attacker."""
    example: dict[str, Any] = {}
    for file in sorted(EXAMPLE.glob("*.yaml")):
        example |= yaml.safe_load(file.read_text())
    for name, machine_type in document["machine_types"].items():
        assert example["machine_types"][name].items() >= machine_type.items()
    assert list(example["features"].items()) == list(document["features"].items())
    assert example["unknown_clients"] == document["unknown_clients"]
    types = {client.get("user"): client["machine_type"] for client in example["clients"]}
    hashes = {client.get("user"): client.get("password_hash") for client in example["clients"]}
    for user in TABLE:
        assert types[user.name] == user.machine_type
        assert argon2.PasswordHasher().verify(hashes[user.name], user.password)
