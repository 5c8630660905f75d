"""The rules that the repository ships."""

import re
import shutil
from ipaddress import ip_address
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from metahub.core.client import Client
from metahub.core.distribution import ImageName, Tag
from metahub.core.rewrite import tags_to_try
from metahub.demo.bench import TABLE, User
from metahub.rules import Rules, UnknownClients, read_rules

EXAMPLE = Path(__file__).parents[2] / "metahub_rules"


@pytest.fixture(scope="module", name="rules")
def example() -> Rules:
    """The example rules."""
    return read_rules(EXAMPLE)


@pytest.mark.parametrize("user", TABLE, ids=[user.name for user in TABLE])
def test_each_user_of_the_table_is_there(rules: Rules, user: User) -> None:
    """With its machine type, its features, and its own name as the password."""
    machine_type = rules.clients.machine_type(Client(ip_address("::1"), user.name))
    assert machine_type
    assert machine_type.name == user.machine_type
    assert machine_type.description == user.description
    assert {str(feature) for feature in machine_type.features} == set(user.features)
    assert str(machine_type.platform) == "linux/amd64"
    (hashed,) = rules.password_hashes[user.name]
    assert PasswordHasher().verify(hashed.text, user.name)


def test_the_example_harms_nobody(rules: Rules) -> None:
    """Its network is one of documentation, and unknown clients see what they always saw."""
    known = rules.clients.machine_type(Client(ip_address("192.0.2.1")))
    assert known is rules.machine_types["type1"]
    assert rules.unknown_clients is UnknownClients.PASS


def test_what_is_commented_out_is_valid(tmp_path: Path) -> None:
    """Both ways to name builds that have tags of their own, as they stand there."""
    copy = shutil.copytree(EXAMPLE, tmp_path / "rules") / "30-images.yaml"
    text = copy.read_text()
    listed = re.findall(r"^#   (.*)$", text, re.MULTILINE)
    copy.with_name("40-bench.yaml").write_text("\n".join(listed))
    opened = re.sub(r"^# (allow_destinations:| - )", r"\1", text, flags=re.MULTILINE)
    copy.write_text(re.sub(r"^    # (variants:|  - {)", r"    \1", opened, flags=re.MULTILINE))
    rules = read_rules(copy.parent)
    assert rules.destinations.objection("127.0.0.1", 9000) is None
    type4 = rules.machine_types["type4"]
    bench = ImageName("docker.io", "qnib/bench")
    tried = [
        [found.name for found in tags_to_try(tag, rules.terms(bench, type4, tag))]
        for tag in (Tag("1.0"), Tag("latest"))
    ]
    assert tried == [["1.0-gpu", "1.0"], ["cpu-broadwell", "v3", "generic", "latest"]]
    assert len(rules.warnings) == 1


def test_every_setting_of_the_rules_is_explained(rules: Rules) -> None:
    """Each file says what its keys are for, in comments."""
    assert str(rules) == "4 machine types, 5 clients, 5 registries, 1 image rule"
    for file in EXAMPLE.glob("*.yaml"):
        assert file.read_text().startswith("# ")
