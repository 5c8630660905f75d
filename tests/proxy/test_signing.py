"""The CA while the proxy runs: made at the start, looked at, and changed."""

import asyncio
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from mitmproxy.test import taddons

from metahub.config import ConfigError
from metahub.demo.address import LOOPBACK, Address
from metahub.node.authority import Confdir, SigningPair, pem_of
from metahub.proxy.metrics import Metrics
from metahub.proxy.options import Options
from metahub.proxy.rules_in_force import RulesInForce
from metahub.proxy.signing import Signing
from tests.e2e.asking.wire import Wire
from tests.e2e.machine.running import eventually
from tests.e2e.proxies.rules import TYPE1, login_of, table
from tests.e2e.upstreams.odd_registry import OddRegistry
from tests.node.authority.certified import certified
from tests.proxy.running import Serve

ROTATE = "`metahub ca rotate` makes the next one"
RULES = "machine_types: {type1: {}}\nclients: []\nregistries: [reg.test]\n"
NOW = datetime.now(UTC)


def pair_of(name: str, lifetime: timedelta = timedelta(days=90)) -> SigningPair:
    """A CA for everything, with a name."""
    return SigningPair.create(name, NOW, lifetime=lifetime)


def answers(wire: Wire) -> bool:
    """Whether who asks believes that it is the registry which answers."""
    try:
        wire.ask("GET", "/v2/")
    except ssl.SSLCertVerificationError:
        return False
    return True


def test_a_proxy_without_a_ca_makes_one(serve: Serve, odd: OddRegistry, tmp_path: Path) -> None:
    """For the registries of the rules, and for itself; the key is for its owner alone."""
    confdir = Confdir(tmp_path / "certs")
    proxy = serve(table(odd.address), confdir=str(confdir.path))
    assert confdir.authority().hosts == (odd.address.host, LOOPBACK)
    assert confdir.key.stat().st_mode & 0o777 == 0o600
    assert answers(proxy.wire(odd.address, login_of(TYPE1)))


def test_the_proxy_s_own_names(serve: Serve, odd: OddRegistry, tmp_path: Path) -> None:
    """Those that are written down, in the place of the one that it would take itself."""
    confdir = Confdir(tmp_path / "certs")
    serve(table(odd.address), confdir=str(confdir.path), metahub_hosts=["Mirror.test", "::1"])
    assert confdir.authority().hosts == (odd.address.host, "mirror.test", "::1")


@pytest.mark.parametrize(
    ("rules", "options", "said"),
    [
        ({"machine_type": {}}, {}, "The rules cannot be used.\n"),
        ({}, {"metahub_hosts": ["a:1"]}, "metahub_hosts: expected a name like proxy.example.com"),
        ({}, {"metahub_on_eror": "pass"}, "there is no option metahub_on_eror"),
        ({}, {"confdir": "/dev/null/certs"}, "confdir: /dev/null/certs cannot be used"),
    ],
)
def test_a_start_that_fails_leaves_no_ca(
    rules: dict[str, object],
    options: dict[str, object],
    said: str,
    serve: Serve,
    odd: OddRegistry,
    tmp_path: Path,
) -> None:
    """Above all not mitmproxy's own, which may sign for every host."""
    confdir = tmp_path / "certs"
    with pytest.raises(ConfigError) as caught:
        serve(table(odd.address) | rules, **{"confdir": str(confdir), **options})
    assert str(caught.value).startswith(said)
    assert not confdir.exists() or not list(confdir.iterdir())


def test_a_ca_that_cannot_be_used_stops_the_start(
    serve: Serve, odd: OddRegistry, tmp_path: Path
) -> None:
    """In one sentence, and it stays as it is."""
    key = tmp_path / "mitmproxy-ca.pem"
    key.write_text("-----BEGIN PRIVATE KEY-----\n")
    with pytest.raises(ConfigError) as caught:
        serve(table(odd.address), confdir=str(tmp_path))
    remedy = "restore it from a backup, or make another CA with `metahub ca create --replace`"
    said = "there is no private key in it that can be read"
    assert str(caught.value) == f"{key}: {said}: {remedy}"
    assert list(tmp_path.iterdir()) == [key]
    assert key.read_text() == "-----BEGIN PRIVATE KEY-----\n"


def test_what_is_doubtful_is_told_at_the_start(
    serve: Serve, odd: OddRegistry, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """How long it lasts, who may read its key, and a registry that it may not sign for."""
    confdir = Confdir(tmp_path)
    confdir.put(SigningPair.create("a", NOW, lifetime=timedelta(days=9, hours=1)))
    confdir.key.chmod(0o640)
    serve(table(odd.address), confdir=str(tmp_path))
    end = NOW + timedelta(days=9, hours=1)
    assert f"The CA expires on {end:%F}, in 9 days: {ROTATE}" in caplog.messages
    said = f"{confdir.key} can be read by others than its owner: chmod 600 {confdir.key}"
    assert said in caplog.messages


def test_a_registry_that_an_edit_adds(
    serve: Serve, odd: OddRegistry, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The rules are in force; for the new one there is a command to be given."""
    proxy = serve(table(odd.address), confdir=str(tmp_path))
    assert "may not sign" not in caplog.text
    proxy.rule(table(odd.address, Address("other.test", 443)))
    refused = "so that nodes refuse what answers there"
    said = f"The CA may not sign for other.test:443, {refused}: {ROTATE}"
    assert eventually(lambda: said in caplog.messages, 5)


def test_a_rotation_under_a_running_proxy(
    serve: Serve, odd: OddRegistry, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The old CA signs while nodes are moved, one by one; then the new one, without a restart."""
    confdir = Confdir(tmp_path / "certs")
    confdir.put(pair_of("old"))
    files = {name: tmp_path / f"{name}.pem" for name in ("old", "both", "new")}
    files["old"].write_bytes(confdir.bundle.read_bytes())
    proxy = serve(table(odd.address), confdir=str(confdir.path))
    confdir.begin(pair_of("new"))
    files["both"].write_bytes(confdir.bundle.read_bytes())

    def accepted_by(name: str) -> bool:
        return answers(Wire(odd.address, files[name], proxy.address, login_of(TYPE1)))

    assert (accepted_by("old"), accepted_by("both")) == (True, True)
    confdir.finish(NOW)
    files["new"].write_bytes(confdir.bundle.read_bytes())
    assert not accepted_by("new")
    assert eventually(lambda: "new signs from now on." in caplog.messages, 5)
    assert {name: accepted_by(name) for name in files} == {"old": False, "both": True, "new": True}


def test_hosts_that_are_none(serve: Serve, odd: OddRegistry) -> None:
    """Also where there is a CA already, and no other is to be made."""
    with pytest.raises(ConfigError, match=r"^metahub_hosts: expected a name like"):
        serve(table(odd.address), metahub_hosts=["https://proxy.test"])


def test_a_ca_in_the_place_of_another(
    serve: Serve, odd: OddRegistry, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It signs at once; to begin a rotation changes nothing yet."""
    confdir = Confdir(tmp_path)
    confdir.put(pair_of("first"))
    proxy = serve(table(odd.address), confdir=str(tmp_path))
    assert answers(proxy.wire(odd.address, login_of(TYPE1)))
    confdir.begin(pair_of("next"))
    assert answers(proxy.wire(odd.address, login_of(TYPE1)))
    confdir.replace(pair_of("second"), NOW)
    assert eventually(lambda: "second signs from now on." in caplog.messages, 5)
    assert answers(proxy.wire(odd.address, login_of(TYPE1)))
    assert caplog.text.count("signs from now on.") == 1


def test_an_intermediate_signs(serve: Serve, odd: OddRegistry, tmp_path: Path) -> None:
    """The whole chain is shown, so that nodes need to trust nothing but the root."""
    pair = certified("signs", certified("middle", certified("root", None)))
    confdir = Confdir(tmp_path)
    confdir.put(pair)
    proxy = serve(table(odd.address), confdir=str(tmp_path))
    assert confdir.bundle.read_bytes() == pem_of(pair.chain[-1])
    assert answers(proxy.wire(odd.address, login_of(TYPE1)))


def test_a_ca_that_cannot_be_used_is_not_taken(
    serve: Serve, odd: OddRegistry, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The last good one signs on, and what is wrong is said once."""
    confdir = Confdir(tmp_path)
    proxy = serve(table(odd.address), confdir=str(tmp_path))
    assert answers(proxy.wire(odd.address, login_of(TYPE1)))  # it has begun, with all of its addons
    confdir.key.write_bytes(b"")
    said = "The CA is not taken; the last good one signs on. "
    assert eventually(lambda: said in caplog.text, 5)
    assert answers(proxy.wire(odd.address, login_of(TYPE1)))
    assert caplog.text.count(said) == 1


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda there: there.put(pair_of("a", timedelta(days=1, hours=1))), "in 1 day: "),
        (lambda there: there.key.touch(), "there is no private key in it that can be read"),
    ],
)
async def test_it_is_said_again_daily(
    make: Callable[[Confdir], object], said: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As long as it is so, and the proxy runs."""
    make(Confdir(tmp_path))
    (tmp_path / "rules.yaml").write_text(RULES)
    rules = RulesInForce(Metrics())
    signing = Signing(rules, day=0.02)
    with taddons.context(Options(), rules) as context:
        context.options.update(metahub_rules=str(tmp_path), confdir=str(tmp_path))
        signing.running()
        while caplog.text.count(said) < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        signing.done()
        told = caplog.text.count(said)
        await asyncio.sleep(0.1)
    assert caplog.text.count(said) == told


async def test_a_proxy_that_has_none_yet_is_silent(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Mitmproxy, which loads MetaHub as a script, may make its own later."""
    (tmp_path / "rules.yaml").write_text(RULES)
    rules = RulesInForce(Metrics())
    signing = Signing(rules)
    with taddons.context(Options(), rules) as context:
        context.options.update(metahub_rules=str(tmp_path), confdir=str(tmp_path / "none"))
        signing.running()
        signing.done()
    assert [one for one in caplog.messages if "CA" in one] == []
