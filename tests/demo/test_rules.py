"""The rules of the demo."""

from typing import Any

import argon2
import pytest
import yaml

from metahub.demo.address import Address
from metahub.demo.bench import TABLE
from metahub.demo.rules import rules_of


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
