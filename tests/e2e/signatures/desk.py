"""Where a person signs, verifies and attaches: on a node, or past the proxy.

Knows the commands of cosign, notation, oras and skopeo. Must not know what they should say.
"""

import json
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from metahub.demo.address import Address
from metahub.demo.bench import User
from tests.e2e.clients import newer
from tests.e2e.machine.running import bare_environment
from tests.e2e.proxies.proxy import Proxy
from tests.e2e.proxies.rules import login_of
from tests.e2e.upstreams.registry import LOGIN
from tests.e2e.upstreams.trust import Trust

LONGEST = 60.0  # seconds that any one command may take
OFFLINE = ("--tlog-upload=false", "--use-signing-config=false")


@dataclass(frozen=True, slots=True)
class Said:
    """What a command printed, stdout and stderr, and whether it was content."""

    worked: bool
    words: str


@dataclass(frozen=True, slots=True)
class Desk:
    """A directory with keys and logins, which a person takes along, and a way to registries.

    `place` is all that a command sees of this machine.
    """

    place: Path
    home: Path
    trusted: Path
    proxy: str = ""

    @classmethod
    def past(cls, place: Path, trust: Trust, registries: Iterable[Address]) -> "Desk":
        """A new one, past every proxy, with a login at the registries."""
        home = Path(tempfile.mkdtemp(prefix="desk-", dir=place))
        entry = {"auth": LOGIN.header.removeprefix("Basic ")}
        auths = {str(registry): entry for registry in registries}
        (home / "config.json").write_text(json.dumps({"auths": auths}))
        return cls(place, home, trust.authority)

    def on_a_node(self, proxy: Proxy, user: User | None) -> "Desk":
        """The same person, where the proxy is the way out."""
        url = proxy.url(login_of(user) if user else None)
        return Desk(self.place, self.home, proxy.authority, url)

    def run(self, program: str, *words: str) -> Said:
        """Run a program of the newer suite; TimeoutExpired if it takes too long."""
        command = newer.FORKY.command((program, *words), self.place)
        done = subprocess.run(
            command,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LONGEST,
            check=False,
        )
        return Said(done.returncode == 0, done.stdout)

    def make_keys(self) -> None:
        """A pair of cosign's."""
        made = self.run("cosign", "generate-key-pair", f"--output-key-prefix={self.home}/cosign")
        assert made.worked, made.words

    def sign(self, image: str, *more: str) -> None:
        """`cosign sign`, offline."""
        key = f"--key={self.home}/cosign.key"
        signed = self.run("cosign", "sign", "--yes", key, *OFFLINE, *more, image)
        assert signed.worked, signed.words

    def verify(self, image: str, *more: str) -> Said:
        """`cosign verify`, offline."""
        key = f"--key={self.home}/cosign.pub"
        return self.run("cosign", "verify", key, "--insecure-ignore-tlog", *more, image)

    def attach(self, image: str) -> str:
        """`oras attach` of a small SBOM; the digest of what was attached."""
        sbom = self.home / "sbom.json"
        sbom.write_text('{"spdxVersion": "SPDX-2.3"}')
        flags = ("--plain-http=false", "--disable-path-validation", "--format=json")
        attached = self.run(
            "oras", "attach", *flags, "--artifact-type=example/sbom", image, str(sbom)
        )
        assert attached.worked, attached.words
        digest: str = json.loads(attached.words)["digest"]
        return digest

    def discover(self, image: str) -> list[str]:
        """`oras discover`: the digests of what is attached."""
        found = self.run("oras", "discover", "--format=json", image)
        assert found.worked, found.words
        return [entry["digest"] for entry in json.loads(found.words).get("referrers", [])]

    def _environment(self) -> dict[str, str]:
        return bare_environment(
            HOME=str(self.home),
            TMPDIR=str(self.home),
            DOCKER_CONFIG=str(self.home),
            SSL_CERT_FILE=str(self.trusted),
            HTTPS_PROXY=self.proxy,
            COSIGN_PASSWORD="of the tests",
        )
