"""`metahub explain IMAGE`: the registry itself is asked."""

import asyncio
import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from metahub.cli import app
from metahub.core.digest import Digest
from metahub.core.distribution import DOCKER_LIST, OCI_INDEX, OCI_MANIFEST, Tag
from metahub.demo.address import Login
from metahub.demo.images import Blob
from metahub.demo.registry import Registry
from metahub.demo.repository import Repository
from tests.core.indexes import as_bytes, digest_of, entry, index
from tests.e2e.upstreams.odd_registry import OddRegistry, Reply
from tests.rules.written import HASH, write
from tests.upstream.registries import auth_file, trusted

RULES = f"""\
machine_types:
  type1: {{features: [cpu:broadwell]}}
  type4: {{features: [cpu:broadwell, nvcap:5.2]}}
clients:
  - {{user: alice, password_hash: {HASH}, machine_type: type4}}
  - {{network: 10.0.0.0/8, machine_type: type1}}
features: {{nvcap: {{kind: cuda_capability}}}}
registries: [REGISTRY]
images:
  - match: REGISTRY/qnib/tagged
    variants: [{{tag: "{{tag}}-gpu", features: [nvcap:5.0]}}]
  - {{match: REGISTRY/qnib/one, answer: manifest}}
"""
LIST = """\
image: REGISTRY/qnib/listed
manifests:
  - {image: "REGISTRY/qnib/listed:broadwell", platform: {os: linux, architecture: amd64, \
features: ["cpu:broadwell"]}}
"""
GENERIC = Blob(OCI_MANIFEST, b"generic")
INDEX = Blob(OCI_INDEX, as_bytes(index(entry("generic"), entry("broadwell", "cpu:broadwell"))))
GPU = Blob(OCI_INDEX, as_bytes(index(entry("gpu", "nvcap:5.2"), entry("other", "nvcap:6.0"))))


@dataclass(frozen=True, slots=True)
class Asking:
    """A registry, rules that list it, and the command that asks it."""

    registry: OddRegistry
    place: Path

    def __call__(self, image: str, *options: str) -> Result:
        """Explain an image of the registry, for type1 if no option says for whom."""
        asker = {"--type", "--user", "--address", "--all-types"}.intersection(options)
        arguments = ("explain", f"{self.registry.address}/{image}", "--plain-http", *options)
        for_type1 = () if asker else ("--type", "type1")
        rules = ("--rules", str(self.place / "rules"))
        return CliRunner().invoke(app, [*arguments, *for_type1, *rules], env=env(self.place))

    def json(self, image: str, *options: str) -> dict[str, object]:
        """What a script reads."""
        shown: dict[str, object] = json.loads(self(image, *options, "--json").stdout)
        return shown

    @property
    def asked(self) -> list[tuple[str, str]]:
        """The method and the last part of each path that was asked for."""
        return [(one.method, one.path.rpartition("/")[2]) for one in self.registry.asked]


def env(place: Path) -> Mapping[str, str | None]:
    """The environment of somebody who is logged in nowhere but in this place."""
    here = str(place)
    return {"DOCKER_CONFIG": here, "XDG_RUNTIME_DIR": here, "REGISTRY_AUTH_FILE": None}


@pytest.fixture
def ask(tmp_path: Path) -> Iterator[Asking]:
    """A registry without TLS, with an index and a few manifests."""
    with OddRegistry(None) as registry:
        files = {"a.yaml": RULES, "list.yaml": LIST}
        named = {
            name: text.replace("REGISTRY", str(registry.address)) for name, text in files.items()
        }
        write(tmp_path / "rules", named)
        for repository in ("bench", "tagged", "one"):
            registry.offer(f"qnib/{repository}", "latest", INDEX)
        registry.offer("qnib/tagged", "v1-gpu", GPU)
        registry.offer("qnib/listed", "broadwell", GENERIC)
        registry.offer("qnib/bench", "plain", GENERIC)
        yield Asking(registry, tmp_path)


def test_a_person_reads_what_a_pull_gives(ask: Asking) -> None:
    """The same as of a file, and that the tag is there."""
    done = ask("qnib/bench")
    assert (done.exit_code, done.stderr) == (0, "")
    headline, tag, *table = done.stdout.splitlines()
    file = ask.place / "index.json"
    file.write_bytes(INDEX.content)
    of_file = ("explain", "--index", str(file), "--type", "type1", "--rules")
    same = CliRunner().invoke(app, [*of_file, str(ask.place / "rules")])
    assert [headline, *table] == same.stdout.splitlines()
    assert tag == "tag latest: found"
    assert ask.asked == [("HEAD", "latest"), ("GET", "latest")]


def test_a_script_reads_the_tags_too(ask: Asking) -> None:
    """In the shape that is promised."""
    shown = ask.json("qnib/bench", "--user", "alice")
    assert (shown["result"], shown["machine_type"]) == ("rewritten", "type4")
    assert shown["upstream_digest"] == str(INDEX.digest)
    assert shown["tags"] == [{"tag": "latest", "status": 200}]


def test_the_tags_of_variants_are_tried_as_the_proxy_does(ask: Asking) -> None:
    """The best first; the tag itself comes last. Others fit others."""
    done = ask("qnib/tagged", "--type", "type4")
    assert done.stdout.splitlines()[1:3] == ["tag latest-gpu: 404", "tag latest: found"]
    assert ask.json("qnib/tagged", "--type", "type4")["tags"] == [
        {"tag": "latest-gpu", "status": 404},
        {"tag": "latest", "status": 200},
    ]
    found = ask.json("qnib/tagged:v1", "--type", "type4")
    assert found["tags"] == [{"tag": "v1-gpu", "status": 200}]
    assert found["upstream_digest"] == str(GPU.digest)
    assert ask.json("qnib/tagged")["tags"] == [{"tag": "latest", "status": 200}]


def test_a_dynamic_list_is_found_without_an_index(ask: Asking) -> None:
    """What is behind its tag may be one manifest."""
    done = ask("qnib/listed")
    name = f"{ask.registry.address}/qnib/listed"
    assert done.stdout == (
        f"Unchanged for type1 (cpu:broadwell): {GENERIC.digest} is served as it is,"
        f" {name}:broadwell is one manifest, not an index.\ntag broadwell: found\n"
    )


def test_one_manifest_has_nothing_to_choose_from(ask: Asking) -> None:
    """It is served as it is, and can be had."""
    output = ask.place / "served"
    shown = ask.json("qnib/bench:plain", "--output", str(output))
    assert shown == {
        "result": "unchanged",
        "machine_type": "type1",
        "upstream_digest": str(GENERIC.digest),
        "digest": str(GENERIC.digest),
        "message": f"{ask.registry.address}/qnib/bench:plain is one manifest, not an index",
        "entries": [],
        "tags": [{"tag": "plain", "status": 200}],
    }
    assert output.read_bytes() == GENERIC.content


@pytest.mark.parametrize(
    ("content_type", "said"),
    [("text/html; charset=utf-8", "text/html"), ("x" * 200, "x" * 97 + "..."), ("", "of no type")],
)
def test_something_else_is_called_by_its_name(ask: Asking, content_type: str, said: str) -> None:
    """As far as a terminal can take it."""
    headers = {"Content-Type": content_type}
    ask.registry["/v2/qnib/bench/manifests/odd"] = Reply(b"<html>", headers)
    message = ask.json("qnib/bench:odd")["message"]
    assert message == f"{ask.registry.address}/qnib/bench:odd is {said}, not an index"


def test_the_one_manifest_is_fetched_when_it_is_wanted(ask: Asking) -> None:
    """To be written to a file, and not before."""
    assert ask.json("qnib/one")["digest"] == digest_of("broadwell")
    assert ("GET", digest_of("broadwell")) not in ask.asked
    output = ask.place / "served"
    done = ask("qnib/one", "--output", str(output))
    assert done.exit_code == 1
    registry = ask.registry.address
    nothing = f"{registry} has no {registry}/qnib/one@{digest_of('broadwell')}"
    assert done.stderr == f"metahub explain: {nothing}\n"
    path = f"/v2/qnib/one/manifests/{digest_of('broadwell')}"
    ask.registry[path] = Reply(b"broadwell", {"Content-Type": OCI_MANIFEST})
    assert ask("qnib/one", "--output", str(output)).exit_code == 0
    assert output.read_bytes() == b"broadwell"


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        (f"@{INDEX.digest}", "it is asked for by digest, and a pin is a pin"),
        (
            f":sha256-{'a' * 64}",
            "the tag is one for what belongs to an image, and is none itself",
        ),
    ],
)
def test_what_is_nobody_s_business_is_unchanged(ask: Asking, reference: str, said: str) -> None:
    """However the entries fit, and whatever variants there are."""
    ask.registry.offer("qnib/tagged", reference[1:], INDEX)
    shown = ask.json(f"qnib/tagged{reference}", "--type", "type4")
    assert (shown["result"], shown["message"]) == ("unchanged", said)
    assert shown["digest"] == str(INDEX.digest)
    assert len(shown["tags"]) == (reference[0] == ":")  # type: ignore[arg-type] # a list


def test_a_registry_that_is_not_listed_is_not_read(ask: Asking) -> None:
    """The proxy tunnels it, so that a pull gives what upstream has."""
    rules = ask.place / "rules"
    (rules / "list.yaml").unlink()
    write(rules, {"a.yaml": RULES.replace("REGISTRY", "ghcr.io")})
    shown = ask.json("qnib/bench")
    registry = ask.registry.address
    assert shown["result"] == "unchanged"
    said = f"the rules do not list {registry}, so nothing that it serves is read"
    assert shown["message"] == said


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ("qnib/bench:v9", "REGISTRY has no REGISTRY/qnib/bench:v9"),
        (
            "qnib/listed:latest",
            "REGISTRY has no REGISTRY/qnib/listed:broadwell and no REGISTRY/qnib/listed:latest",
        ),
        (
            "Qnib/bench",
            "expected an image like docker.io/qnib/bench:latest, found 'REGISTRY/Qnib/bench'; did"
            " you mean 'REGISTRY/qnib/bench'?",
        ),
        (
            "qnib/bench:denied",
            "REGISTRY answers 401 Unauthorized: there is no such image, or it wants a login (docker"
            " login REGISTRY)",
        ),
        ("qnib/bench:broken", "REGISTRY/qnib/bench:broken is no index: not JSON"),
    ],
)
def test_what_cannot_be_explained_is_one_sentence(ask: Asking, image: str, said: str) -> None:
    """On stderr, with exit code 1."""
    ask.registry["/v2/qnib/bench/manifests/denied"] = Reply(status=401)
    ask.registry["/v2/qnib/bench/manifests/broken"] = Reply(b"[", {"Content-Type": OCI_INDEX})
    del ask.registry.replies["/v2/qnib/listed/manifests/broadwell"]
    done = ask(image)
    assert done.exit_code == 1
    said = said.replace("REGISTRY", str(ask.registry.address))
    assert done.stderr.startswith(f"metahub explain: {said}")
    assert (done.stdout, done.stderr.count("\n")) == ("", 1)


def test_everybody_is_answered_from_one_asking(ask: Asking) -> None:
    """A matrix for each index that somebody gets, with the tags and for whom they were tried."""
    done = ask("qnib/tagged:v1", "--all-types")
    assert done.exit_code == 1
    ask.registry.offer("qnib/tagged", "v1", INDEX)
    ask.registry.asked.clear()
    done = ask("qnib/tagged:v1", "--all-types")
    lines = done.stdout.splitlines()
    assert lines[:2] == [str(INDEX.digest), "tag v1: found (type1)"]
    assert lines[6:8] == [str(GPU.digest), "tag v1-gpu: found (type4)"]
    assert ask.asked == [
        *(("HEAD", "v1"), ("GET", "v1")),
        *(("HEAD", "v1-gpu"), ("GET", "v1-gpu")),
    ]
    shown = json.loads(ask("qnib/tagged", "--all-types", "--json").stdout)
    assert [(one["machine_type"], len(one["tags"])) for one in shown] == [
        ("type1", 1),
        ("type4", 2),
    ]


async def test_a_registry_with_tls_and_a_login_is_asked(tmp_path: Path) -> None:
    """By whoever is logged in there; `--ca` vouches for it."""
    ca, pair = trusted(tmp_path)
    login = Login("someone", "pass word")
    content = Blob(DOCKER_LIST, as_bytes(index(entry("generic"), media_type=DOCKER_LIST)))
    async with Registry(pair.server_context(), login, "localhost") as registry:
        kept = registry.repositories["qnib/bench"] = Repository()
        kept.put_manifest(Tag("latest"), content)
        write(tmp_path / "rules", {"a.yaml": RULES.replace("REGISTRY", str(registry.address))})
        image = f"{registry.address}/qnib/bench"
        command = ["explain", image, "--type", "type1", "--rules", f"{tmp_path}/rules", "--json"]

        def run() -> Result:
            return CliRunner().invoke(app, [*command, "--ca", str(ca)], env=env(tmp_path))

        denied = await asyncio.to_thread(run)
        auth = base64.b64encode(b"someone:pass word").decode()
        auth_file(tmp_path, {"auths": {str(registry.address): {"auth": auth}}})
        done = await asyncio.to_thread(run)
        auth_file(tmp_path, {"auths": {str(registry.address): {"auth": "c29tZW9uZTp4"}}})
        wrong = await asyncio.to_thread(run)
    assert json.loads(done.stdout)["digest"] == str(Digest.of(content.content))
    assert denied.stderr == (
        f"metahub explain: {registry.address} answers 401 Unauthorized: there is no such image, or"
        f" it wants a login (docker login {registry.address})\n"
    )
    assert wrong.stderr == (
        f"metahub explain: {registry.address} answers 401 Unauthorized to the login from"
        f" {tmp_path}/config.json\n"
    )
