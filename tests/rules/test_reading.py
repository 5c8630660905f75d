"""What the parts of the YAML become."""

import time
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import pytest

from metahub.core.client import Client
from metahub.core.distribution import ImageName
from metahub.core.feature import Feature
from metahub.core.kind import KINDS
from metahub.core.machine import Platform
from metahub.core.policy import DEFAULT_POLICY, Choose, NoFit, Policy
from metahub.rules import PasswordHash, UnknownClients, read_rules
from tests.rules.written import HASH, OTHER, read, whole, write

ANYWHERE = ip_address("203.0.113.1")


def test_a_machine_type_has_all_that_is_written(tmp_path: Path) -> None:
    """Name, description, platform in its one spelling, and features."""
    machine_type = read(
        tmp_path,
        "machine_types: {t-4.x_A: {description: 'A, b', platform: linux/AARCH64/v8,"
        " features: [CPU:Broadwell, gpu]}}",
    ).machine_types["t-4.x_A"]
    assert machine_type.name == "t-4.x_A"
    assert machine_type.description == "A, b"
    assert machine_type.platform == Platform("linux", "arm64")
    assert machine_type.features == {Feature("cpu", "broadwell"), Feature("", "gpu")}


def test_a_machine_type_needs_nothing(tmp_path: Path) -> None:
    """It runs what runs everywhere."""
    machine_type = read(tmp_path, "machine_types: {any: {}}").machine_types["any"]
    assert machine_type.platform is None
    assert not machine_type.features


@pytest.mark.parametrize(
    ("text", "platform"),
    [
        ("linux/amd64", Platform("linux", "amd64")),
        ("linux/amd64/v1", Platform("linux", "amd64")),
        ("linux/x86_64", Platform("linux", "amd64")),
        ("linux/arm/v6", Platform("linux", "arm", "v6")),
        ("Windows/amd64", Platform("windows", "amd64")),
        ("linux/riscv64", Platform("linux", "riscv64")),
    ],
)
def test_platforms_are_read(tmp_path: Path, text: str, platform: Platform) -> None:
    """In the spellings that runtimes take."""
    rules = read(tmp_path, f"machine_types: {{type1: {{platform: {text}}}}}")
    assert rules.machine_types["type1"].platform == platform


@pytest.mark.parametrize(
    ("features", "read_as"),
    [
        ("[cpu-skylake, nv_5.2]", ["cpu:skylake", "nv:5.2"]),
        ("[cpu=skylake]", ["cpu:skylake"]),
        ("[other-one]", ["other-one"]),
        ("[used:a]", ["used:a"]),
        ("[used-b]", ["used:b"]),
        ("[a+b, x!, 'y#z']", ["a+b", "x!", "y#z"]),
        ("[]", []),
    ],
)
def test_features_are_read_by_the_keys_of_the_rules(
    tmp_path: Path, features: str, read_as: list[str]
) -> None:
    """Those that `features` lists, and those that any machine type uses."""
    rules = read(
        tmp_path,
        f"machine_types: {{type1: {{features: {features}}}, type2: {{features: [used:x]}}}}\n"
        "features: {nv: {}, cpu: {}}",
    )
    offered = sorted(str(feature) for feature in rules.machine_types["type1"].features)
    assert offered == read_as


def test_the_keys_of_features_keep_their_order(tmp_path: Path) -> None:
    """It is the preference between them; keys that are only used come behind."""
    rules = read(
        tmp_path,
        "machine_types: {type1: {features: [used:x]}}\n"
        "features: {NV: {kind: cuda_capability}, cpu: {kind: microarchitecture},"
        " drv: {annotation: com.example.driver}}",
    )
    keys = [(key.name, key.kind, key.annotation) for key in rules.vocabulary.keys]
    assert keys == [
        ("nv", KINDS["cuda_capability"], None),
        ("cpu", KINDS["microarchitecture"], None),
        ("drv", KINDS["exact"], "com.example.driver"),
        ("used", KINDS["exact"], None),
        ("", KINDS["exact"], None),
    ]


@pytest.mark.parametrize(
    ("client", "machine_type"),
    [
        (Client(ANYWHERE, "alice"), "type1"),
        (Client(ip_address("10.1.2.3"), "alice"), "type1"),
        (Client(ip_address("10.1.2.3")), "type2"),
        (Client(ip_address("10.9.2.3")), "type1"),
        (Client(ip_address("192.0.2.1")), "type1"),
        (Client(ip_address("2001:db8::1")), "type2"),
        (Client(ANYWHERE, "bob"), None),
        (Client(ip_address("192.0.2.2")), None),
        (Client(ip_address("2001:db9::1")), None),
        (Client(ANYWHERE), None),
    ],
)
def test_clients_are_known_by_user_and_by_network(
    tmp_path: Path, client: Client, machine_type: str | None
) -> None:
    """A user beats a network, the longest prefix wins, an address is a network."""
    rules = read(
        tmp_path,
        f"""clients:
  - {{user: alice, password_hash: {HASH}, machine_type: type1}}
  - {{network: 10.0.0.0/8, machine_type: type1}}
  - {{network: 10.1.0.0/16, machine_type: type2}}
  - {{network: 192.0.2.1, machine_type: type1}}
  - {{network: "2001:db8::/32", machine_type: type2}}
""",
    )
    known = rules.clients.machine_type(client)
    assert (known.name if known else None) == machine_type


def test_hashes_are_kept_by_user_and_never_shown(tmp_path: Path) -> None:
    """Neither by the text of the rules, nor by their representation."""
    rules = read(
        tmp_path,
        f"clients: [{{user: 'Alice B', password_hash: {HASH}, machine_type: type1}},"
        " {network: 10.0.0.0/8, machine_type: type1}]",
    )
    assert rules.password_hashes == {"Alice B": (PasswordHash(HASH),)}
    assert HASH not in f"{rules} {rules!r} {rules.password_hashes!r}"


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("2026-11-25", datetime(2026, 11, 25, tzinfo=UTC)),
        ("2026-11-25T10:00:00Z", datetime(2026, 11, 25, 10, tzinfo=UTC)),
        ("2026-11-25T10:00Z", datetime(2026, 11, 25, 10, tzinfo=UTC)),
        ("2026-11-25 10:00:00", datetime(2026, 11, 25, 10, tzinfo=UTC)),
        ("2026-11-25t10:00:00+02:00", datetime(2026, 11, 25, 8, tzinfo=UTC)),
        ("2026-11-25T10:00:00.250Z", datetime(2026, 11, 25, 10, 0, 0, 250_000, tzinfo=UTC)),
    ],
)
@pytest.mark.parametrize("quote", ["", "'", '"'])
def test_a_password_may_say_when_it_was_made(
    tmp_path: Path, quote: str, word: str, meant: datetime
) -> None:
    """In UTC where it names no zone, in quotes or without; a day is its beginning."""
    since = f"{quote}{word}{quote}"
    client = f"clients: [{{user: a, password_hash: {HASH}, machine_type: type1, since: {since}}}]"
    assert read(tmp_path, client).password_hashes["a"] == (PasswordHash(HASH, since=meant),)


@pytest.mark.parametrize("quote", ["", "'", '"'])
def test_the_password_before_may_hold_for_a_while(tmp_path: Path, quote: str) -> None:
    """Beside the one that has no end, which comes first."""
    client = f"""clients:
- user: a
  password_hash: {HASH}
  machine_type: type1
  previous:
    password_hash: {OTHER}
    until: {quote}2026-12-02T10:00:00Z{quote}
"""
    until = datetime(2026, 12, 2, 10, tzinfo=UTC)
    hashes = read(tmp_path, client).password_hashes["a"]
    assert hashes == (PasswordHash(HASH), PasswordHash(OTHER, until))
    assert OTHER not in repr(hashes)


def test_operators_are_apart_from_users(tmp_path: Path) -> None:
    """Of the same name, too; their hashes are never shown, and they are no clients."""
    user = f"{{user: a, password_hash: {HASH}, machine_type: type1}}"
    operator = (
        f"{{user: a, password_hash: '{OTHER}', since: 2026-11-25,"
        f" previous: {{password_hash: {HASH}, until: 2001-01-01T00:00:00Z}}}}"
    )
    rules = read(tmp_path, f"clients: [{user}]\noperators: [{operator}]")
    assert [hashed.text for hashed in rules.password_hashes["a"]] == [HASH]
    assert [hashed.text for hashed in rules.operator_hashes["a"]] == [OTHER, HASH]
    assert rules.operator_hashes["a"][0].since == datetime(2026, 11, 25, tzinfo=UTC)
    assert str(rules).endswith(", 1 operator")
    assert OTHER not in repr(rules)
    (warning,) = (it for it in rules.warnings if it.path[0] == "operators")
    assert "operators[0].previous: this password has ended (2001-01-01T00:00:00Z)" in str(warning)


@pytest.mark.parametrize(
    ("yaml", "host", "is_led"),
    [
        ("", "files.test", True),
        ("unknown_destinations: pass", "files.test", True),
        ("unknown_destinations: deny", "files.test", False),
        ("unknown_destinations: deny", "ghcr.io", True),
        ("unknown_destinations: deny\nallow_destinations: [files.test]", "files.test", True),
        ("allow_destinations: [files.test]", "other.test", True),
        ("allow_destinations: []", "127.0.0.1", False),
        ("allow_destinations: [127.0.0.0/8]", "127.0.0.1", True),
    ],
)
def test_destinations_are_listed_and_the_rest_may_be_denied(
    tmp_path: Path, yaml: str, host: str, is_led: bool
) -> None:
    """A list alone denies nothing."""
    destinations = read(tmp_path, yaml or "features: {}").destinations
    assert (destinations.objection(host, 443) is None) is is_led


@pytest.mark.parametrize(
    ("yaml", "unknown_clients"),
    [
        ("", UnknownClients.PASS),
        ("unknown_clients: pass", UnknownClients.PASS),
        ("unknown_clients: deny", UnknownClients.DENY),
    ],
)
def test_unknown_clients_pass_or_are_denied(
    tmp_path: Path, yaml: str, unknown_clients: UnknownClients
) -> None:
    """They pass where the rules do not say."""
    assert read(tmp_path, yaml).unknown_clients is unknown_clients


@pytest.mark.parametrize(
    ("host", "port", "name"),
    [
        ("registry-1.docker.io", 443, "docker.io"),
        ("registry.test", 5000, "registry.test:5000"),
        ("::1", 5000, "[::1]:5000"),
        ("registry.test", 443, None),
        ("ghcr.io", 443, None),
    ],
)
def test_registries_are_opened(tmp_path: Path, host: str, port: int, name: str | None) -> None:
    """Those that are listed, and no others."""
    rules = read(tmp_path, 'registries: [Docker.io, "registry.test:5000", "[::1]:5000"]')
    registry = rules.registries.at(host, port)
    assert (registry.name if registry else None) == name


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("qnib/bench", Policy(Choose.EXACT, NoFit.UPSTREAM)),
        ("qnib/a/b", Policy(Choose.ALL, NoFit.DENY)),
        ("library/busybox", DEFAULT_POLICY),
    ],
)
def test_the_first_image_rule_that_matches_decides(
    tmp_path: Path, image: str, policy: Policy
) -> None:
    """And best and deny, where none does."""
    rules = read(
        tmp_path,
        """images:
  - {match: docker.io/qnib/b*h, choose: exact, no_fit: upstream}
  - {match: '*/qnib/*', choose: all}
""",
    )
    terms = rules.terms(ImageName("docker.io", image), rules.machine_types["type1"])
    assert terms.policy == policy
    assert terms.machine_type is rules.machine_types["type1"]
    assert terms.vocabulary is rules.vocabulary


@pytest.mark.parametrize(
    ("match", "image"),
    [
        ("docker.io/*", "qnib/bench"),
        ("docker.?o/qnib/bench", "qnib/bench"),
        ("*", "qnib/bench"),
        ("**h", "qnib/bench"),
        ("do*/bench", "qnib/bench"),
        ("docker.io/qnib/ben*", "qnib/bench"),
    ],
)
def test_patterns_that_can_match_are_read(tmp_path: Path, match: str, image: str) -> None:
    """A wildcard may stand in the registry's part, too."""
    rules = read(tmp_path, f"images: [{{match: '{match}', choose: all}}]")
    terms = rules.terms(ImageName("docker.io", image), rules.machine_types["type1"])
    assert terms.policy.choose is Choose.ALL


@pytest.mark.parametrize(
    ("yaml", "summary"),
    [
        ("", "2 machine types, 0 clients, 2 registries, 0 image rules"),
        (
            "machine_types: {a: {}}\nregistries: [ghcr.io]\nimages: [{match: ghcr.io/*}]\n"
            "clients: [{network: 10.0.0.0/8, machine_type: a}]",
            "1 machine type, 1 client, 1 registry, 1 image rule",
        ),
    ],
)
def test_the_text_of_rules_is_a_summary(tmp_path: Path, yaml: str, summary: str) -> None:
    """For a log, and for `metahub check`."""
    assert str(read(tmp_path, yaml)) == summary


def test_all_files_are_one_document(tmp_path: Path) -> None:
    """Empty ones, linked ones and one with a byte order mark among them; hidden ones are not."""
    elsewhere = write(tmp_path / "elsewhere", {"linked": whole("features: {a: {}}")})
    directory = write(
        tmp_path / "rules",
        {
            "10.yaml": b"\xef\xbb\xbfunknown_clients: deny\n",
            "20.yaml": "# nothing but a comment\n",
            "README.md": "a: [",
            ".30.yaml.swp": "a: [",
            ".40.yaml": "a: [",
        },
    )
    (directory / "50.yaml").symlink_to(elsewhere / "linked")
    rules = read_rules(directory)
    assert rules.unknown_clients is UnknownClients.DENY
    assert rules.vocabulary.keys[0].name == "a"


def test_no_image_name_makes_a_pattern_slow(tmp_path: Path) -> None:
    """A client chooses the name: one that matches again and again but for its end."""
    rules = read(tmp_path, f"images: [{{match: 'docker.io/{'*a' * 50}b', choose: all}}]")
    started = time.monotonic()
    terms = rules.terms(ImageName("docker.io", "a" * 255), rules.machine_types["type1"])
    assert terms.policy == DEFAULT_POLICY
    assert time.monotonic() - started < 1
