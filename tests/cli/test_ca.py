"""`metahub ca`, as a person and as a script run it."""

import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)
from typer.testing import CliRunner

from metahub.cli import app
from metahub.node.authority import Confdir, SigningPair, constraints_for, pem_of
from metahub.node.authority.pair import private_pem
from tests.node.authority.certified import certified

RULES = "machine_types: {a: {}}\nclients: []\nregistries: [docker.io, reg.test:5000]\n"
HOSTS = ["registry-1.docker.io", "index.docker.io", "docker.io", "reg.test"]
CONFIG = "confdir: certs\nmetahub_rules: rules\nmetahub_hosts: [proxy.test]\n"
NOW = datetime.now(UTC)


class Site:
    """A directory with rules and a config.yaml, and the commands in it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.confdir = Confdir(directory / "certs")
        (directory / "rules").mkdir()
        (directory / "rules" / "a.yaml").write_text(RULES)
        self.config = directory / "config.yaml"
        self.config.write_text(CONFIG)

    def ca(self, *words: str, code: int = 0, typed: str | None = None) -> tuple[str, str]:
        """What `metahub ca …` prints, and what it complains of."""
        command = ["ca", words[0], "--config", str(self.config), *words[1:]]
        done = CliRunner().invoke(app, command, input=typed)
        assert done.exit_code == code, done.output
        return done.stdout, done.stderr

    def shown(self) -> dict[str, object]:
        """What `metahub ca show --json` knows."""
        found: dict[str, object] = json.loads(self.ca("show", "--json")[0])
        return found


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """One without a CA."""
    return Site(tmp_path)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Where a company's own CA lies."""
    directory = tmp_path / "company"
    directory.mkdir()
    return directory


def test_a_ca_is_made_and_shown(site: Site) -> None:
    """For the registries and the proxy's own names; what `create` prints, `show` prints."""
    printed, _ = site.ca("create")
    authority = site.confdir.authority()
    assert authority.hosts == (*HOSTS, "proxy.test")
    assert site.ca("show") == (printed, "")
    assert dict(line.split(maxsplit=1) for line in printed.splitlines()) == {
        "CA": authority.subject,
        "SHA-256": authority.fingerprint,
        "signs": f"for    {', '.join(HOSTS)}, proxy.test, and all names below those",
        "valid": f"       {authority.begins:%F} to {authority.expires:%F}, 1094 days left".strip(),
        "key": str(site.confdir.key),
        "nodes": f"trust  {site.confdir.bundle}",
    }


def test_it_is_shown_to_scripts(site: Site) -> None:
    """With times in UTC."""
    site.ca("create")
    authority = site.confdir.authority()
    assert site.shown() == {
        "subject": authority.subject,
        "fingerprint": authority.fingerprint,
        "hosts": [*HOSTS, "proxy.test"],
        "begins": authority.begins.isoformat(),
        "expires": authority.expires.isoformat(),
        "days_left": 1094,
        "key": str(site.confdir.key),
        "bundle": str(site.confdir.bundle),
        "signer": authority.subject,
        "next": None,
        "doubts": [],
    }


def test_one_without_constraints(site: Site) -> None:
    """Where somebody asks for it."""
    printed, _ = site.ca("create", "--unconstrained")
    assert "\nsigns for    every host: it has no name constraints\n" in printed
    assert site.shown()["hosts"] is None


def test_what_is_doubtful_is_shown(site: Site) -> None:
    """On stderr, and to scripts."""
    site.confdir.put(SigningPair.create("short", NOW, lifetime=timedelta(days=1, hours=1)))
    site.confdir.key.chmod(0o644)
    key, end = site.confdir.key, NOW + timedelta(days=1, hours=1)
    doubts = [
        f"{key} can be read by others than its owner: chmod 600 {key}",
        f"The CA expires on {end:%F}, in 1 day: `metahub ca rotate` makes the next one",
    ]
    assert site.ca("show")[1].splitlines() == [f"metahub: {doubt}" for doubt in doubts]
    assert site.shown()["doubts"] == doubts


def test_none_is_replaced_by_accident(site: Site) -> None:
    """And on purpose only with a copy of it."""
    site.ca("create")
    before = site.confdir.key.read_bytes()
    hint = "--replace puts another in its place, and keeps it"
    said = f"metahub: {site.confdir.path}: there is a CA: {hint}\n"
    assert site.ca("create", code=1) == ("", said)
    assert site.confdir.key.read_bytes() == before
    printed, _ = site.ca("create", "--replace")
    (kept,) = site.confdir.path.glob("replaced-*")
    told = f"What was there is kept in {kept}: remove it when no node trusts it any more."
    assert printed.splitlines()[0] == told
    assert (kept / "mitmproxy-ca.pem").read_bytes() == before


def test_to_replace_nothing_is_to_make_one(site: Site) -> None:
    """A script need not know."""
    site.ca("create", "--replace")
    assert len(list(site.confdir.path.iterdir())) == 2


def test_a_rotation(site: Site) -> None:
    """What is to be done next is said; what is under way is shown."""
    site.ca("create")
    old = site.confdir.authority()
    printed, _ = site.ca("rotate")
    following = site.confdir.authority().following
    assert following is not None
    what = f"Have each node trust {site.confdir.bundle} anew, which has both CAs; then"
    assert printed.splitlines()[-1] == f"{what} `metahub ca rotate --finish`."
    assert f"\nnext CA      {following.subject}\nSHA-256      {following.fingerprint}\n" in printed
    assert site.shown()["next"] == {
        "subject": following.subject,
        "fingerprint": following.fingerprint,
        "hosts": [*HOSTS, "proxy.test"],
    }
    printed, _ = site.ca("rotate", "--finish")
    assert printed.splitlines()[-1] == f"{following.subject} signs from now on."
    assert site.confdir.authority().certificates == following.certificates
    assert Confdir(next(site.confdir.path.glob("replaced-*"))).pair().authority == old


def test_a_rotation_that_is_given_up(site: Site) -> None:
    """And the words that exclude each other."""
    site.ca("create")
    before = site.confdir.authority()
    site.ca("rotate")
    site.ca("rotate", "--finish", "--cancel", code=2)
    printed, _ = site.ca("rotate", "--cancel")
    assert printed == f"{before.subject} signs as before, and nodes trust no other.\n"
    assert site.confdir.authority() == before


@pytest.mark.parametrize("words", [("show",), ("rotate",)])
def test_where_there_is_none(words: tuple[str, ...], site: Site) -> None:
    """The command that makes one is named."""
    said = f"metahub: {site.confdir.key} is not there: `metahub ca create` makes a CA\n"
    assert site.ca(*words, code=1) == ("", said)


def test_rules_that_cannot_be_used(site: Site) -> None:
    """Nobody knows then for what a CA should sign."""
    (site.directory / "rules" / "a.yaml").write_text("registries: []\n")
    _, said = site.ca("create", code=1)
    assert said.endswith(f" in {site.directory / 'rules'}\n")
    assert site.confdir.is_empty()


def test_other_places(site: Site, tmp_path: Path) -> None:
    """Than config.yaml says."""
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "a.yaml").write_text(RULES.replace("docker.io", "ghcr.io"))
    site.ca("create", "--confdir", str(tmp_path / "there"), "--rules", str(tmp_path / "others"))
    assert Confdir(tmp_path / "there").authority().hosts == ("ghcr.io", "reg.test", "proxy.test")
    assert site.confdir.is_empty()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file or directory; name another with --config"),
        ("[]", "expected options, as `name: value` each"),
        ("confdir: [certs]", "confdir: expected a text, found ['certs']"),
        ("metahub_hosts: proxy.test", "metahub_hosts: expected a list, found 'proxy.test'"),
        (
            "metahub_hosts: ['a:1']",
            "metahub_hosts: expected a name like proxy.example.com or an address, found 'a:1'",
        ),
    ],
)
def test_a_config_that_cannot_be_used(content: str | None, said: str, site: Site) -> None:
    """The sentence names the file."""
    site.config.unlink()
    if content is not None:
        site.config.write_text(content)
    assert site.ca("show", code=1) == ("", f"metahub: {site.config}: {said}\n")


def test_a_config_that_is_no_yaml(site: Site) -> None:
    """With what YAML says of it."""
    site.config.write_text("a: [")
    assert site.ca("show", code=1)[1].startswith(f"metahub: {site.config} is not YAML: ")


def test_a_config_that_says_nothing(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then everything is where mitmproxy and MetaHub have it by themselves."""
    site.config.write_text("listen_host: 192.0.2.1\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules").rename(tmp_path / "metahub_rules")
    site.ca("create")
    assert Confdir(tmp_path / ".mitmproxy").authority().hosts == (*HOSTS, "192.0.2.1")


COMPANY = SigningPair.create("Company", NOW)
CONSTRAINED = SigningPair.create("Constrained", NOW, constraints_for(["reg.test"]))


def test_a_company_s_own(site: Site, files: Path) -> None:
    """Its key and its certificate, in two files."""
    (files / "key").write_bytes(private_pem(COMPANY.key))
    (files / "cert").write_bytes(pem_of(COMPANY.chain[0]))
    printed, _ = site.ca("import", str(files / "cert"), str(files / "key"))
    assert printed.startswith("CA           Company\n")
    assert site.confdir.pair() == COMPANY
    assert stat.filemode(site.confdir.key.stat().st_mode) == "-rw-------"
    site.ca("import", str(files / "cert"), str(files / "key"), code=1)
    site.ca("import", str(files / "cert"), str(files / "key"), "--replace")


@pytest.mark.parametrize("has_root", [True, False])
def test_an_intermediate(has_root: bool, site: Site, files: Path) -> None:
    """Nodes trust the root, or else the intermediate itself, which not every program does."""
    pair = certified("Images", certified("Root", None))
    (files / "all").write_bytes(private_pem(pair.key) + b"".join(map(pem_of, pair.chain)))
    if not has_root:
        (files / "all").write_bytes(private_pem(pair.key) + pem_of(pair.chain[0]))
    printed, _ = site.ca("import", str(files / "all"))
    shown = site.shown()
    assert (shown["subject"], shown["signer"]) == ("Root" if has_root else "Images", "Images")
    assert ("\nsigns by     Images\n" in printed) is has_root
    told = "Its root is not among the files: a program that insists on one refuses what it signs."
    assert (printed.splitlines()[-1] == told) is not has_root


def test_one_that_may_not_sign_for_the_registries(site: Site, files: Path) -> None:
    """Nodes would refuse it."""
    (files / "all").write_bytes(CONSTRAINED.pem)
    wrong = "its name constraints do not permit docker.io"
    remedy = "import a CA that they permit, or take them out of `registries`"
    said = f"metahub: {files / 'all'}: {wrong}: {remedy}\n"
    assert site.ca("import", str(files / "all"), code=1) == ("", said)
    assert site.confdir.is_empty()


def test_one_that_cannot_be_read(site: Site, files: Path) -> None:
    """Or is none."""
    said = f"metahub: {files / 'none'} cannot be read (No such file or directory)\n"
    assert site.ca("import", str(files / "none"), code=1) == ("", said)
    (files / "some").write_bytes(pem_of(COMPANY.chain[0]))
    said = f"metahub: {files / 'some'}: there is no private key in it that can be read\n"
    assert site.ca("import", str(files / "some"), code=1) == ("", said)


def test_an_encrypted_key(site: Site, files: Path) -> None:
    """Its passphrase is asked for, and then no longer needed; a wrong one changes nothing."""
    locked = COMPANY.key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"word")
    )
    (files / "all").write_bytes(locked + pem_of(COMPANY.chain[0]))
    _, said = site.ca("import", str(files / "all"), code=1, typed="other\n")
    assert said.endswith(f"{files / 'all'}: the key is encrypted with another passphrase\n")
    assert site.confdir.is_empty()
    _, said = site.ca("import", str(files / "all"), typed="word\n")
    assert "The key is kept without it, for mitmproxy asks nobody.\n" in said
    assert "word\n" not in said
    assert site.confdir.pair() == COMPANY
