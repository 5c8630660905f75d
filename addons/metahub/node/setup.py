"""Scripts that point a node's container runtime at the proxy: one for each runtime.

Knows which parts a script is made of. Must not know what the parts do, nor any user or password.
"""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from metahub.core.registry import Registry

_SCRIPTS = files("metahub.node") / "scripts"
# The parts of scripts/ that scripts share.
_ANY = ("words", "credentials", "certificates")
_OF_THIS_MACHINE = (*_ANY, "files", "trust", "no_proxy", "environment", "main")
_OF_SERVICES = (*_OF_THIS_MACHINE, "services")
_OF_PROGRAMS = (*_OF_THIS_MACHINE, "no_service")

# It stands unquoted in files of several languages, so it may have nothing that is special in any.
_PROXY = re.compile(r"https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}")

_SCRIPT = """\
#!/bin/sh
# {title}: MetaHub's set-up of a node. --help lists the options, --dry-run changes nothing.
# All of it is one function, so that a download that was cut off does nothing.
# shellcheck disable=SC2034  # not every runtime asks for every value
metahub_setup() {{
set -eu
export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"
IFS=' \t
'

{values}

{parts}
main "$@"
}}
{{ metahub_setup "$@"; }}
"""


@dataclass(frozen=True, slots=True)
class Runtime:
    """A runtime that a node can have; the title is for people."""

    title: str
    description: str
    """One line, of what its script changes."""
    parts: tuple[str, ...]
    """Of the script, what it shares with others."""
    inside: str = ""
    """The runtime in each of its containers that is what the script really sets up."""
    logs_in: bool = True
    """False if nothing that the script writes names the proxy, so that it needs no user."""


_RUNTIMES = {
    "docker": Runtime(
        "Docker", "the environment of dockerd, or the proxies of its daemon.json", _OF_SERVICES
    ),
    "containerd": Runtime(
        "containerd", "the environment of containerd, as Kubernetes uses it", _OF_SERVICES
    ),
    "k3s": Runtime("k3s", "the environment of the containerd that k3s starts", _OF_SERVICES),
    "crio": Runtime("CRI-O", "the environment of crio", _OF_SERVICES),
    "podman": Runtime(
        "podman", "containers.conf for podman and buildah, of root or of a user", _OF_PROGRAMS
    ),
    "apptainer": Runtime(
        "Apptainer", "a program before it that sets its environment", _OF_PROGRAMS
    ),
    "kind": Runtime("kind", "containerd in each node of kind's clusters", _ANY, "containerd"),
    "system": Runtime(
        "System trust",
        "nothing else: the CA, on Debian, Red Hat, SUSE, Alpine, Arch",
        _OF_PROGRAMS,
        logs_in=False,
    ),
}
RUNTIMES: Mapping[str, Runtime] = MappingProxyType(_RUNTIMES)
"""By name, in the order for people."""


def setup_script(
    runtime: str, proxy: str, certificates: Sequence[bytes], registries: Sequence[str]
) -> str:
    """The script for a runtime of RUNTIMES, in POSIX sh.

    `proxy` is `http://host:port` without credentials: the script asks for them. It installs the
    certificates, PEM each, and minds registries, named as the rules name them. Raises ValueError
    for what is none of that, and KeyError for a runtime that there is not.
    """
    chosen = RUNTIMES[runtime]
    values = {
        "RUNTIME": runtime,
        "TITLE": chosen.title,
        "PROXY": _checked(proxy),
        "REGISTRIES": " ".join(Registry.parse(name).name for name in registries),
        "CERTIFICATES": "".join(map(_pem, certificates)).rstrip("\n"),
    }
    assigned = "\n".join(f"{name}={shlex.quote(value)}" for name, value in values.items())
    parts = [_part(name) for name in (*chosen.parts, runtime)]
    if chosen.inside:
        inner = setup_script(chosen.inside, proxy, certificates, registries)
        parts.append(f"inside() {{\ncat <<'METAHUB_INSIDE'\n{inner}METAHUB_INSIDE\n}}\n")
    return _SCRIPT.format(title=chosen.title, values=assigned, parts="\n".join(parts))


def _checked(proxy: str) -> str:
    if _PROXY.fullmatch(proxy) is None:
        raise ValueError(f"expected a proxy like http://proxy.example.com:8080, found {proxy!r}")
    return proxy


def _pem(certificate: bytes) -> str:
    """In its one spelling, without what else stood around it."""
    return x509.load_pem_x509_certificate(certificate).public_bytes(Encoding.PEM).decode()


def _part(name: str) -> str:
    return (_SCRIPTS / f"{name}.sh").read_text(encoding="utf-8")
