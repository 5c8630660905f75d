"""Which CAs Go's programs find on a node."""

import os
import ssl
from pathlib import Path

import pytest

from metahub.core.registry import Registry
from metahub.node.check import RUNTIMES
from metahub.node.check.anchors import TrustStore, certificates, collectors
from tests.node.check.certificates import signer
from tests.node.check.trees import BUNDLE, node

ONE, TWO, THREE = (signer(name) for name in ("one", "two", "three"))
RED_HATS = "/etc/pki/tls/certs/ca-bundle.crt"


def trusted(root: Path, files: dict[str, str | bytes], **environment: str) -> set[str]:
    """The files of the system from which a program takes its CAs."""
    store = TrustStore.of(node(root, files).root, environment, ())
    return {anchors.file for anchors in store.anchors}


def test_certificates_of_a_text() -> None:
    """What is none, or of another kind, is left alone."""
    broken = b"-----BEGIN CERTIFICATE-----\n\xff\n-----END CERTIFICATE-----\n"
    other = ONE.pem.replace(b" CERTIFICATE", b" TRUSTED CERTIFICATE")
    text = b"# words\n" + ONE.pem + broken + other + TWO.pem.replace(b"\n", b"\r\n")
    assert certificates(text) == (ONE.der, TWO.der)


def test_the_first_bundle_and_all_directories(tmp_path: Path) -> None:
    """A second bundle is not read as one, but for where it lies."""
    files: dict[str, str | bytes] = {
        BUNDLE: ONE.pem,
        "/etc/ssl/cert.pem": TWO.pem,
        "/etc/ssl/certs/own.crt": THREE.pem,
        "/etc/ssl/certs/README": "no certificate",
        RED_HATS: TWO.pem,
    }
    assert trusted(tmp_path, files) == {BUNDLE, "/etc/ssl/certs/own.crt", RED_HATS}


def test_the_environment_names_others(tmp_path: Path) -> None:
    """Each of the two variables takes the place of its half."""
    files: dict[str, str | bytes] = {
        BUNDLE: ONE.pem, "/a/one.pem": ONE.pem, "/b/two.pem": TWO.pem, "/c/three.pem": THREE.pem
    }  # fmt: skip
    assert trusted(tmp_path, files, SSL_CERT_FILE="/a/one.pem") == {"/a/one.pem", BUNDLE}
    only = {"SSL_CERT_FILE": "/no", "SSL_CERT_DIR": "/b:/c"}
    assert trusted(tmp_path, files, **only) == {"/b/two.pem", "/c/three.pem"}
    assert TrustStore.of(node(tmp_path, {}).root, only, ()).bundle == "/no"


def test_the_context_believes_them_and_no_others(tmp_path: Path) -> None:
    """Also what only looks like a certificate does no harm."""
    nonsense = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    store = TrustStore.of(node(tmp_path, {BUNDLE: ONE.pem + nonsense + TWO.pem}).root, {}, ())
    assert set(store.context().get_ca_certs(binary_form=True)) == {ONE.der, TWO.der}
    assert store.context().verify_mode is ssl.CERT_REQUIRED


def test_a_link_is_as_new_as_the_newer_of_both(tmp_path: Path) -> None:
    """A file may be old, and be put into the directory now."""
    found = node(tmp_path, {"/usr/local/share/ca-certificates/metahub.crt": ONE.pem})
    old = tmp_path / "usr/local/share/ca-certificates/metahub.crt"
    os.utime(old, (1000, 1000))
    link = tmp_path / "etc/ssl/certs/metahub.pem"
    link.parent.mkdir(parents=True)
    link.symlink_to(old)
    (anchors,) = TrustStore.of(found.root, {}, ()).anchors
    assert anchors.changed == link.lstat().st_mtime
    assert not anchors.is_there_for(2000)
    os.utime(link, (1500, 1500), follow_symlinks=False)
    (anchors,) = TrustStore.of(found.root, {}, ()).anchors
    assert anchors.is_there_for(2000)


def test_what_has_yet_to_get_into_a_bundle(tmp_path: Path) -> None:
    """With the program that does it."""
    path = "/etc/pki/ca-trust/source/anchors/metahub.pem"
    root = node(tmp_path, {path: ONE.pem, "/usr/local/share/ca-certificates/b.crt": TWO.pem}).root
    assert list(collectors(root, [ONE.der])) == [(path, "update-ca-trust")]
    assert list(collectors(root, [THREE.der])) == []


HOSTS = '[host."https://reg.test:5000"]\nca = {ca}\n'
CONFIG = '[plugins."io.containerd.grpc.v1.cri".registry]\nconfig_path = "/x:/etc/c/certs.d"\n'


@pytest.mark.parametrize(
    ("runtime", "registry", "files", "expected"),
    [
        ("docker", "reg.test:5000", {"/etc/docker/certs.d/reg.test:5000/a.crt": ""}, 1),
        ("docker", "reg.test:5000", {"/etc/docker/certs.d/reg.test:5000/a.pem": ""}, 0),
        ("docker", "reg.test:5000", {"/etc/docker/certs.d/reg.test/a.crt": ""}, 0),
        ("docker", "docker.io", {"/etc/docker/certs.d/docker.io/a.crt": ""}, 0),
        ("podman", "docker.io", {"/etc/docker/certs.d/docker.io/a.crt": ""}, 1),
        ("podman", "reg.test", {"/home/.config/containers/certs.d/reg.test/a.crt": ""}, 1),
        (
            "crio",
            "reg.test",
            {"/etc/containers/certs.d/reg.test/x": "", "/etc/docker/certs.d/reg.test/a.crt": ""},
            0,
        ),
        (
            "containerd",
            "reg.test:5000",
            {"/etc/containerd/config.toml": CONFIG,
             "/etc/c/certs.d/reg.test_5000_/hosts.toml": HOSTS.format(ca='["a.crt", "/b.crt"]')},
            2,
        ),
        (
            "containerd",
            "reg.test:5000",
            {"/etc/containerd/config.toml": CONFIG,
             "/etc/c/certs.d/_default/hosts.toml": 'ca = "/b.crt"'},
            1,
        ),
        (
            "containerd",
            "reg.test",
            {"/etc/containerd/config.toml": CONFIG, "/etc/c/certs.d/reg.test/a.crt": ""},
            1,
        ),
        ("containerd", "reg.test", {"/etc/containerd/certs.d/reg.test/a.crt": ""}, 0),
        (
            "k3s",
            "reg.test",
            {"/var/lib/rancher/k3s/agent/etc/containerd/certs.d/reg.test/hosts.toml":
                 HOSTS.format(ca='"/a.crt"')},
            1,
        ),
        ("apptainer", "reg.test", {"/etc/docker/certs.d/reg.test/a.crt": ""}, 0),
    ],
)  # fmt: skip
def test_certificates_of_a_runtimes_own(
    runtime: str, registry: str, files: dict[str, str | bytes], expected: int, tmp_path: Path
) -> None:
    """How many files of them it reads for a registry."""
    found = node(tmp_path, files, HOME="/home")
    paths = RUNTIMES[runtime].certificates(found, Registry.parse(registry))
    assert len(paths) == expected
