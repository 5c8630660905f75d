"""The store of each kind of system: Debian's as it is, the others' by what they are made of.

p11-kit is what Red Hat's and SUSE's programs call. busybox is all that an Alpine has to start with.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from metahub.demo.tls import Authority
from tests.e2e.machine.parts import require
from tests.e2e.setup.alpine import plant_busybox, plant_openrc
from tests.e2e.setup.machine import Machine, machine
from tests.e2e.setup.setting_up import NOTHING, SetUp, scripts_for
from tests.e2e.setup.shells import Shell

# https://gitlab.com/redhat/centos-stream/rpms/ca-certificates: update-ca-trust
RED_HAT = """\
#!/bin/sh
DEST=/etc/pki/ca-trust/extracted
trust extract --overwrite --comment --format=pem-bundle --filter=ca-anchors \\
    --purpose=server-auth $DEST/pem/tls-ca-bundle.pem
trust extract --overwrite --comment --format=openssl-bundle --filter=certificates \\
    $DEST/openssl/ca-bundle.trust.crt
"""
# https://github.com/openSUSE/ca-certificates: update-ca-certificates and its certbundle.run
SUSE = """\
#!/bin/sh
trust extract --overwrite --format=pem-bundle --purpose=server-auth --filter=ca-anchors \\
    /var/lib/ca-certificates/ca-bundle.pem
"""
MODULE = "module: p11-kit-trust.so\ntrust-policy: yes\nx-init-reserved: paths='{}'\n"


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """A CA and the next one, which call themselves the same."""
    folder = tmp_path_factory.mktemp("ca")
    first, second = (
        Authority.create("MetaHub").write(folder / name).read_bytes() for name in ("1", "2")
    )
    return first, second


@pytest.fixture
def debian(place: Path) -> Iterator[Machine]:
    """This machine."""
    require("nsenter")
    with machine(place) as running:
        yield running


@pytest.fixture
def red_hat(debian: Machine) -> Machine:
    """With the folders and the program of Red Hat's."""
    return _with_p11_kit(debian, "/etc/pki/ca-trust/source", "update-ca-trust", RED_HAT)


@pytest.fixture
def suse(debian: Machine) -> Machine:
    """With those of SUSE's."""
    debian.sh("rm /usr/sbin/update-ca-certificates")
    return _with_p11_kit(debian, "/etc/pki/trust", "update-ca-certificates", SUSE)


def _with_p11_kit(on: Machine, source: str, program: str, script: str) -> Machine:
    require("trust")
    on.sh(
        f"mkdir -p {source}/anchors /etc/pki/ca-trust/extracted/pem"
        " /etc/pki/ca-trust/extracted/openssl /var/lib/ca-certificates"
    )
    on.write("/usr/share/p11-kit/modules/p11-kit-trust.module", MODULE.format(source))
    on.sh(f"cp /usr/share/ca-certificates/mozilla/ISRG_Root_X1.crt {source}/anchors/")
    on.write(f"/usr/local/bin/{program}", script, 0o755)
    on.sh(program)
    return on


@pytest.fixture
def alpine(place: Path, tmp_path: Path) -> Iterator[Machine]:
    """A tree of busybox and nothing else, with a store."""
    require("nsenter", "busybox")
    plant_busybox(tmp_path)
    with machine(place, tmp_path) as running:
        running.sh("/usr/sbin/update-ca-certificates")
        yield running


BUNDLES = {
    "debian": "/etc/ssl/certs/ca-certificates.crt",
    "red_hat": "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "suse": "/var/lib/ca-certificates/ca-bundle.pem",
    "alpine": "/etc/ssl/certs/ca-certificates.crt",
}
# What Debian's own programs write beside, whoever calls them.
NOISE = re.compile(r"var/(lib/dpkg|log|cache)/.*")


@pytest.mark.parametrize("system", BUNDLES)
def test_the_store_of_a_system(
    system: str, two: tuple[bytes, bytes], request: pytest.FixtureRequest
) -> None:
    """It has the CA, then both of a rotation, then the next one alone; and then what it had."""
    on: Machine = request.getfixturevalue(system)
    shell = Shell(("sh",))
    first, second = two
    before = on.tree()
    for certificates in ([first], [first, second], [second]):
        setting_up = SetUp(scripts_for(certificates).script, shell)
        setting_up.succeed(on, "system")
        bundle = on.read(BUNDLES[system])
        assert [pem.decode() in bundle for pem in two] == [pem in certificates for pem in two]
        assert setting_up.succeed(on, "system") == NOTHING.format("System trust")
    setting_up.succeed(on, "system", "--undo")
    assert [path for path in on.differences(before) if not NOISE.fullmatch(path)] == []


def test_openssl_finds_each_of_two_cas_of_one_name(
    debian: Machine, two: tuple[bytes, bytes]
) -> None:
    """By the links that Debian's store has by names: one CA less must leave no gap."""
    for certificates in (list(two), [two[1]]):
        SetUp(scripts_for(certificates).script).succeed(debian, "system")
        for number, pem in enumerate(certificates):
            debian.write(f"/tmp/{number}.pem", pem.decode())
            debian.sh(f"openssl verify -CApath /etc/ssl/certs -no-CAfile /tmp/{number}.pem")


def test_what_somebody_appended_to_the_bundle_comes_back(
    debian: Machine, two: tuple[bytes, bytes]
) -> None:
    """The store's own program drops it, as it does at any update; --undo has kept it."""
    bundle = debian.path(BUNDLES["debian"])
    appended = bundle.read_text() + two[1].decode()
    debian.write(BUNDLES["debian"], appended)
    setting_up = scripts_for([two[0]])
    said = setting_up.succeed(debian, "system")
    assert "1 certificate(s) that somebody had added" in said
    setting_up.succeed(debian, "system", "--undo")
    assert bundle.read_text() == appended


def test_what_came_later_stays(debian: Machine, two: tuple[bytes, bytes]) -> None:
    """--undo takes nothing from the store but MetaHub's own."""
    setting_up = scripts_for([two[0]])
    setting_up.succeed(debian, "system")
    debian.write("/usr/local/share/ca-certificates/later.crt", two[1].decode())
    debian.sh("update-ca-certificates")
    setting_up.succeed(debian, "system", "--undo")
    bundle = debian.read(BUNDLES["debian"])
    assert [pem.decode() in bundle for pem in two] == [False, True]


def test_everything_works_with_busybox_alone(alpine: Machine, two: tuple[bytes, bytes]) -> None:
    """Docker on Alpine: OpenRC starts it."""
    plant_openrc(alpine.root, "docker")
    before = alpine.tree()
    setting_up = SetUp(scripts_for([two[0]]).script, Shell(("sh",)))
    trial = setting_up.succeed(alpine, "docker", "--dry-run")
    assert "+++ /etc/metahub/docker.env" in trial
    assert alpine.differences(before) == []
    assert "restarted docker\n" in setting_up.succeed(alpine, "docker")
    assert alpine.read("/tmp/asked") == "docker status\ndocker restart\n"
    assert setting_up.succeed(alpine, "docker") == NOTHING.format("Docker")
    setting_up.succeed(alpine, "docker", "--undo")
    assert alpine.differences(before) == []
