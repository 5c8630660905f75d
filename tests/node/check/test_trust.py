"""Whether a runtime trusts what its proxy shows, and if not, why: each case shown for real."""

import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest

from metahub.core.registry import Registry
from metahub.node.check import RUNTIMES, Node, Outcome, Step, Wanted, check
from tests.node.check.certificates import DAY, Signer, signer
from tests.node.check.odd_proxy import OddProxy, dated, of_metahub, page
from tests.node.check.trees import BUNDLE, age, daemon, docker, node, write

HOST = "reg.test"
REG = Registry.parse(HOST)
OURS, OTHER = signer(), signer("Another CA")
ANOTHER = "Make another at the proxy (metahub ca create --replace), and have this node trust it."
RESTART = "systemctl daemon-reload && systemctl restart docker"
CERTS_D = f"/etc/docker/certs.d/{HOST}/ca.crt"


def checked(
    root: Path,
    tls: ssl.SSLContext,
    ca: bytes,
    files: dict[str, str | bytes],
    date: str | None = None,
) -> tuple[Step, Step]:
    """The steps CA and registry of a docker with these files, whose proxy shows that."""
    pages = {**of_metahub(ca), "GET /v2/": page("{}")}
    if date:
        pages["GET /healthz"] = page("ok", Server="MetaHub", Date=date)
    with OddProxy(pages, tls=tls).running() as proxy:
        found = docker(root, f"HTTPS_PROXY=http://u:p@{proxy.place}", files)
        return of(found)


def of(found: Node, runtime: str = "docker") -> tuple[Step, Step]:
    """The steps CA and registry of a node."""
    steps = check(found, Wanted(RUNTIMES[runtime], registry=REG)).steps
    return steps[4], steps[5]


def failed(sentence: str, remedy: str) -> Step:
    """A runtime that does not trust it."""
    return Step.failed("CA", sentence, remedy)


ANSWERS = Step.works("registry", "reg.test answers 200 to GET /v2/.")


@pytest.mark.parametrize("file", [BUNDLE, CERTS_D])
def test_a_ca_that_is_trusted(file: str, tmp_path: Path) -> None:
    """By the system, or for this registry alone."""
    files: dict[str, str | bytes] = {BUNDLE: OTHER.pem, file: OTHER.pem + OURS.pem}
    sentence = f"docker trusts the CA of the proxy: {file} has it (SHA-256 {OURS.fingerprint})."
    assert checked(tmp_path, OURS.shows(tmp_path, HOST), OURS.pem, files) == (
        Step.works("CA", sentence),
        ANSWERS,
    )


def test_a_ca_that_is_not_told(tmp_path: Path) -> None:
    """What is shown is believed all the same, or not."""
    shows = OURS.shows(tmp_path, HOST)
    sentence = "docker trusts the certificate that the proxy shows for reg.test."
    assert checked(tmp_path, shows, b"", {BUNDLE: OURS.pem}) == (
        Step.works("CA", sentence),
        ANSWERS,
    )
    trust, registry = checked(tmp_path, shows, b"", {BUNDLE: OTHER.pem})
    assert trust.sentence == (
        f"docker does not trust whoever signs for the proxy, 'MetaHub': {BUNDLE} does not have it."
    )
    assert registry == Step.not_tried("registry", "CA")


@pytest.mark.parametrize(
    ("directory", "program"),
    [
        ("/usr/local/share/ca-certificates", "update-ca-certificates"),
        ("/etc/pki/ca-trust/source/anchors", "update-ca-trust"),
    ],
)
def test_a_ca_that_is_not_there(directory: str, program: str, tmp_path: Path) -> None:
    """It is said how to get it there; the registry answers who trusts it."""
    files: dict[str, str | bytes] = {BUNDLE: OTHER.pem, f"{directory}/README": ""}
    trust, registry = checked(tmp_path, OURS.shows(tmp_path, HOST), OURS.pem, files)
    place = trust.remedy.split("/ca.crt")[0].rpartition("/")[2] if trust.remedy else ""
    assert trust == failed(
        f"docker does not trust the CA of the proxy: {BUNDLE} does not have it"
        f" (SHA-256 {OURS.fingerprint}).",
        f"Install it: curl -fsS -o {directory}/metahub.crt http://{place}/ca.crt && {program}"
        f" && {RESTART}",
    )
    assert registry == ANSWERS


def test_a_node_without_any_ca(tmp_path: Path) -> None:
    """Trusts nobody."""
    trust, _ = checked(tmp_path, OURS.shows(tmp_path, HOST), OURS.pem, {})
    assert f": {BUNDLE} does not have it (" in trust.sentence


def test_a_ca_that_has_not_got_into_the_bundle(tmp_path: Path) -> None:
    """A program has to be run."""
    file = "/usr/local/share/ca-certificates/metahub.crt"
    files: dict[str, str | bytes] = {BUNDLE: OTHER.pem, file: OURS.pem}
    trust, _ = checked(tmp_path, OURS.shows(tmp_path, HOST), OURS.pem, files)
    assert trust == failed(
        f"docker does not trust the CA of the proxy: it lies in {file}, but {BUNDLE} does not have"
        f" it yet (SHA-256 {OURS.fingerprint}).",
        f"Run it in: update-ca-certificates && {RESTART}",
    )


def test_a_ca_that_was_replaced(tmp_path: Path) -> None:
    """The former one has its name."""
    files: dict[str, str | bytes] = {BUNDLE: signer().pem}
    trust, _ = checked(tmp_path, OURS.shows(tmp_path, HOST), OURS.pem, files)
    assert trust.sentence == (
        f"docker does not trust the CA of the proxy: {BUNDLE} has another one of that name"
        f" (SHA-256 {OURS.fingerprint})."
    )


def test_a_registry_that_is_not_opened(tmp_path: Path) -> None:
    """It shows its own certificate, which may be trusted or not."""
    shows = OTHER.shows(tmp_path, HOST)
    remedy = "Add reg.test to `registries` of MetaHub's rules, or name another with --registry."
    sentence = "reg.test shows a certificate of 'Another CA', and none of MetaHub's{}: it is tunnelled unread, since the rules do not list it."  # noqa: E501
    assert checked(tmp_path, shows, OURS.pem, {BUNDLE: OURS.pem + OTHER.pem}) == (
        failed(sentence.format(""), remedy),
        ANSWERS,
    )
    assert checked(tmp_path, shows, OURS.pem, {BUNDLE: OURS.pem}) == (
        failed(sentence.format(", and docker does not trust it"), remedy),
        Step.not_tried("registry", "CA"),
    )


def test_a_ca_for_other_hosts(tmp_path: Path) -> None:
    """Its name constraints are told."""
    few = signer(permits=("ghcr.io", "docker.io"))
    trust, registry = checked(tmp_path, few.shows(tmp_path, HOST), few.pem, {BUNDLE: few.pem})
    assert trust == failed(
        "The CA of the proxy may not sign for reg.test: it is for ghcr.io, docker.io only.",
        ANOTHER,
    )
    assert registry == Step.not_tried("registry", "CA")


def day(days: int) -> str:
    """A date so many days from now."""
    return f"{datetime.now(UTC) + days * DAY:%Y-%m-%d}"


def test_what_is_shown_may_be_expired(tmp_path: Path) -> None:
    """Under a CA that is not."""
    assert expired(tmp_path, OURS, -3, -2) == failed(
        f"What the proxy shows for reg.test expired on {day(-2)}.",
        "Restart MetaHub, which makes it anew.",
    )


def test_the_ca_may_be_expired(tmp_path: Path) -> None:
    """And what it signs with it, whatever that says."""
    ca = signer(begins=-9, ends=-5)
    sentence = f"The CA of the proxy expired on {day(-5)}."
    assert expired(tmp_path, ca, -1, 1) == failed(sentence, ANOTHER)


def expired(root: Path, ca: Signer, begins: int, ends: int) -> Step:
    """The step of a node that trusts it, the same whether the proxy says the date or not."""
    shows = ca.shows(root, HOST, begins, ends)
    trust = checked(root, shows, ca.pem, {BUNDLE: ca.pem})[0]
    assert checked(root, shows, ca.pem, {BUNDLE: ca.pem}, "no date")[0] == trust
    return trust


@pytest.mark.parametrize(
    ("begins", "ends", "ahead", "how"),
    [
        (3, 5, 4 * 86400, "4 days behind"),
        (-5, -3, -4 * 86400, "4 days ahead of"),
        (-5, -3, -7200, "120 minutes ahead of"),
    ],
)
def test_a_clock_that_is_wrong(
    begins: int, ends: int, ahead: float, how: str, tmp_path: Path
) -> None:
    """The proxy says what time it is there."""
    shows = OURS.shows(tmp_path, HOST, begins, ends)
    trust, _ = checked(tmp_path, shows, OURS.pem, {BUNDLE: OURS.pem}, dated(ahead))
    assert trust == failed(
        f"The clock of this node is {how} that of the proxy, so that what the proxy shows for"
        " reg.test is not valid.",
        "Set the clock: timedatectl set-ntp true",
    )


def test_a_certificate_of_tomorrow(tmp_path: Path) -> None:
    """One of the two clocks is wrong, if they agree."""
    shows = OURS.shows(tmp_path, HOST, 3, 5)
    trust, _ = checked(tmp_path, shows, OURS.pem, {BUNDLE: OURS.pem})
    assert trust.sentence.startswith(f"What the proxy shows for reg.test is valid from {day(3)} ")
    assert f" UTC on, and here it is {day(0)} " in trust.sentence
    assert trust.remedy == "Set the clock of this node, or that of the proxy."


def test_a_certificate_for_another_host(tmp_path: Path) -> None:
    """OpenSSL's words are given for what has none of ours."""
    shows = OURS.shows(tmp_path, "other.test")
    trust, _ = checked(tmp_path, shows, OURS.pem, {BUNDLE: OURS.pem})
    assert trust.sentence == (
        "docker does not believe what the proxy shows for reg.test: Hostname mismatch, certificate"
        " is not valid for 'reg.test'."
    )
    assert trust.remedy
    assert trust.remedy.startswith("Look at it: openssl s_client -proxy 127.0.0.1:")


def test_a_bundle_with_what_only_openssl_reads(tmp_path: Path) -> None:
    """Is looked through for another CA of that name all the same."""
    block = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    trust, _ = checked(tmp_path, OURS.shows(tmp_path, HOST), OURS.pem, {BUNDLE: block})
    assert f": {BUNDLE} does not have it (" in trust.sentence


def test_a_daemon_that_trusts_what_nobody_tells(tmp_path: Path) -> None:
    """Cannot be too old for it."""
    files: dict[str, str | bytes] = {BUNDLE: OURS.pem, **daemon("dockerd", 77, 100, {})}
    trust, _ = checked(tmp_path, OURS.shows(tmp_path, HOST), b"", files)
    assert trust.outcome is Outcome.WORKS


# A daemon that runs


def late(root: Path, changed: float, files: dict[str, str | bytes]) -> Step:
    """The step of a docker that runs for 100 s, and a bundle that is `changed` seconds old."""
    with OddProxy(of_metahub(OURS.pem), tls=OURS.shows(root, HOST)).running() as proxy:
        url = f"http://u:p@{proxy.place}"
        running = daemon("dockerd", 77, 100, {"HTTPS_PROXY": url})
        found = docker(root, f"HTTPS_PROXY={url}", {BUNDLE: OURS.pem, **running, **files})
        age(root, BUNDLE, changed)
        return of(found)[0]


def test_a_daemon_that_is_older_than_the_ca(tmp_path: Path) -> None:
    """It has read the bundle as it was."""
    step = late(tmp_path, 50, {})
    assert step.sentence.startswith(f"{BUNDLE} has the CA of the proxy since {day(0)[:4]}")
    assert step.sentence.endswith(" UTC, and reads that file once.")
    assert " UTC, but dockerd (process 77) runs since " in step.sentence
    assert step.remedy == f"Restart it: {RESTART}"


@pytest.mark.parametrize(
    ("changed", "files"),
    [
        (200, {}),
        (50, {CERTS_D: OURS.pem}),
        (50, {"/etc/ssl/certs/metahub.pem": OURS.pem}),
    ],
)
def test_a_daemon_that_has_the_ca(
    changed: float, files: dict[str, str | bytes], tmp_path: Path
) -> None:
    """It is younger than one of its files, or reads one for each pull."""
    write(tmp_path, files)
    for path in files:
        age(tmp_path, path, 300)
    (tmp_path / "proc").mkdir()
    step = late(tmp_path, changed, {})
    assert step.sentence.startswith("docker trusts the CA of the proxy")


def test_a_runtime_without_a_daemon(tmp_path: Path) -> None:
    """Reads the files each time, with what containers.conf says of them."""
    with OddProxy(of_metahub(OURS.pem), tls=OURS.shows(tmp_path, HOST)).running() as proxy:
        env = f'["HTTPS_PROXY=http://{proxy.place}", "SSL_CERT_DIR=/own:/etc/ssl/certs"]'
        conf = f"[engine]\nenv = {env}\n"
        found = node(
            tmp_path,
            {"/etc/containers/containers.conf": conf, "/own/metahub.crt": OURS.pem},
        )
        trust, _ = of(found, "podman")
    assert ": /own/metahub.crt has it (" in trust.sentence


def test_a_certificate_that_may_not_be_read(tmp_path: Path) -> None:
    """Is told, and the rest is tried."""
    file = tmp_path / CERTS_D.lstrip("/")
    file.parent.mkdir(parents=True)
    file.symlink_to(file)
    trust, registry = checked(tmp_path, OURS.shows(tmp_path, HOST), OURS.pem, {BUNDLE: OURS.pem})
    assert trust == failed(
        f"{CERTS_D} cannot be read (Too many levels of symbolic links).",
        "Ask again as root, who may read it.",
    )
    assert registry == Step.not_tried("registry", "CA")
