"""`metahub replay` and `check --against`, over what a real proxy has written."""

import io
import json
import tempfile
from collections.abc import Callable
from contextlib import redirect_stdout, suppress
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from mitmproxy.io import FlowReader, FlowWriter, tnetstring
from typer.testing import CliRunner, Result

from metahub.cli import app
from metahub.core.decision import Decision
from metahub.core.outcome import Outcome
from metahub.demo.address import Login
from metahub.demo.bench import BROADWELL, REPOSITORY, SKYLAKE, TABLE, TAG, qnib_bench
from metahub.demo.images import Build, image_of
from tests.core.decided import decided
from tests.e2e.asking.asker import Asker
from tests.e2e.asking.wire import NoTunnelError
from tests.e2e.proxies.rules import TYPE1, TYPE3, Rules, login_of, table
from tests.e2e.upstreams.odd_registry import OddRegistry, Reply
from tests.e2e.upstreams.trust import HERE, Trust
from tests.proxy.running import ProxyInThread, Serve

LOGIN = Login("registry-user", "a-registry-password")
SECRETS = (LOGIN.password, LOGIN.header, login_of(TYPE1).header, "argon2")


EXACT = {"match": "*", "choose": "exact"}


def digest_of(build: Build) -> str:
    """Of a build's manifest."""
    return str(image_of(build).manifest.digest)


@dataclass
class Recording:
    """A file of flows and a log of the same, and the rules that they were recorded by."""

    directory: Path
    rules: Rules
    log: str = ""
    store: str = "none.sqlite"
    exempt: str = ""
    name: str = field(init=False)

    def __post_init__(self) -> None:
        self.name = f"{self.rules['registries'][0]}/{REPOSITORY}:{TAG}"
        (self.directory / "rules").mkdir()

    @property
    def file(self) -> Path:
        """Where the flows are."""
        return self.directory / "flows.mitm"

    def edited(self, edit: Callable[[Rules], object] = lambda _: None) -> Path:
        """Other rules."""
        rules = deepcopy(self.rules)
        edit(rules)
        directory = self.directory / "rules"
        (directory / "rules.yaml").write_text(yaml.safe_dump(rules))
        return directory

    def replay(self, *words: str, stdin: bytes | None = None) -> Result:
        """What is said of the flows."""
        file = "-" if stdin is not None else str(self.file)
        command = ["replay", file, "--rules", str(self.directory / "rules"), *self._config()]
        return CliRunner().invoke(app, [*command, *words], input=stdin)

    def check(self, *words: str) -> Result:
        """What is said of the log."""
        file = self.directory / "log.jsonl"
        file.write_text(self.log)
        command = ["check", str(self.directory / "rules"), "--against", str(file), *self._config()]
        return CliRunner().invoke(app, [*command, *words])

    def _config(self) -> list[str]:
        config = self.directory / "config.yaml"
        config.write_text(
            f"metahub_store: {self.store}\nconfdir: nowhere\n"
            f"metahub_exempt_agents: [{self.exempt}]\n"
        )
        return ["--config", str(config)]


@dataclass(frozen=True, slots=True)
class Written:
    """What a proxy has written, and the rules that it had."""

    rules: Rules
    flows: bytes
    log: str
    store: Path


def write(
    place: Path, trust: Trust, pull: Callable[[ProxyInThread, OddRegistry], object]
) -> Written:
    """What a proxy writes that has the rules of the table, while somebody pulls through it."""
    directory = Path(tempfile.mkdtemp(dir=place))
    file, log = directory / "flows.mitm", io.StringIO()
    options = {"save_stream_file": str(file)}
    proxy = ProxyInThread(directory / "proxy", trust.authority, options)
    with OddRegistry(trust.pair.server_context(), HERE) as odd, redirect_stdout(log):
        odd.offer(REPOSITORY, TAG, qnib_bench().index)
        rules = table(odd.address)
        proxy.rule(rules)
        try:
            proxy.start()
            pull(proxy, odd)
        finally:
            proxy.stop()
    return Written(rules, file.read_bytes(), log.getvalue(), proxy.store)


@pytest.fixture(scope="module")
def written(place: Path, trust: Trust) -> Written:
    """Every user of the table has asked by HEAD and by GET, logged in at the registry."""
    return write(place, trust, pull_as_everybody)


def pull_as_everybody(proxy: ProxyInThread, odd: OddRegistry) -> None:
    """By HEAD and by GET, as each user of the table."""
    for user in TABLE:
        asker = Asker(proxy.wire(odd.address, login_of(user)), REPOSITORY, LOGIN)
        for method in ("HEAD", "GET"):
            assert asker.ask(method, TAG, {"User-Agent": "containerd/2.1"}).status == 200


def recording_of(written: Written, directory: Path) -> Recording:
    """It, in files of a test's own."""
    recording = Recording(directory, written.rules, written.log)
    recording.file.write_bytes(written.flows)
    return recording


@pytest.fixture
def recording(written: Written, tmp_path: Path) -> Recording:
    """What everybody has asked for."""
    return recording_of(written, tmp_path)


def type1_has_skylake(rules: Rules) -> None:
    """Its builds become others."""
    rules["machine_types"]["type1"]["features"] = ["cpu:skylake"]


def changed(done: Result) -> dict[str, Any]:
    """The one decision that would come out otherwise."""
    (one,) = json.loads(done.stdout)["decisions"]
    assert isinstance(one, dict)
    return one


def test_nothing_changes(recording: Recording) -> None:
    """By the same rules, from upstream's indexes as they are kept with the flows."""
    recording.edited()
    done = recording.replay()
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == (
        "0 of 8 requests would come out otherwise, 8 would not, 0 cannot be replayed.\n"
    )
    shown = recording.replay("--all").stdout.splitlines()
    assert len(shown) == len(TABLE) + 1
    assert shown[0].startswith(
        f"qnib-type1 at 127.0.0.1: {recording.name} (2 times): as it was, rewritten for type1: "
    )


def test_an_edit_changes_what_one_user_gets(recording: Recording) -> None:
    """It is shown what was, what would be, and what makes the difference."""
    recording.edited(type1_has_skylake)
    done = recording.replay("--json")
    assert done.exit_code == 1
    one = changed(done)
    assert (one["client"], one["user"], one["address"]) == (
        "qnib-type1 at 127.0.0.1",
        "qnib-type1",
        "127.0.0.1",
    )
    assert (one["image"], one["times"]) == (recording.name, 2)
    assert one["upstream_digest"] == str(qnib_bench().index.digest)
    assert (one["then"]["outcome"], one["now"]["outcome"]) == ("rewritten", "rewritten")
    assert one["then"]["kept"] == [digest_of(BROADWELL)]
    assert one["now"]["kept"] == [digest_of(SKYLAKE)]
    fates = {entry["digest"]: entry["stays"] for entry in one["entries"]}
    assert fates == {digest_of(BROADWELL): False, digest_of(SKYLAKE): True}
    assert json.loads(done.stdout) | {"decisions": []} == {
        "decisions": [],
        "changed": 2,
        "unchanged": 6,
        "not_replayable": {},
        "notes": {},
        "others": 0,
        "cut": None,
    }


def test_it_is_shown_to_people(recording: Recording) -> None:
    """Who, what, then and now, and the reasons."""
    recording.edited(type1_has_skylake)
    done = recording.replay()
    head, then, now, goes, stays, summary = done.stdout.splitlines()
    assert head == f"qnib-type1 at 127.0.0.1: {recording.name} (2 times)"
    broadwell, skylake = (image_of(build).manifest.digest.short for build in (BROADWELL, SKYLAKE))
    assert then.startswith("  then rewritten for type1: ")
    assert then.endswith(f", of {broadwell}")
    assert now.startswith("  now  rewritten for type1: ")
    assert now.endswith(f", of {skylake}")
    assert goes == (
        f"    goes: {broadwell}, linux/amd64, cpu:broadwell: fits, but one that requires"
        " cpu:skylake is closer"
    )
    assert stays == f"    stays: {skylake}, linux/amd64, cpu:skylake: fits"
    assert summary == (
        "2 of 8 requests would come out otherwise, 6 would not, 0 cannot be replayed."
    )


def test_the_log_says_the_same(recording: Recording) -> None:
    """Of the newest of each client, image and index; without upstream's bytes no digest."""
    assert recording.log.count("\n") == 8
    recording.edited(type1_has_skylake)
    done = recording.check("--json")
    assert done.exit_code == 1
    by_log, by_flows = changed(done), changed(recording.replay("--json"))
    assert by_log["entries"] == by_flows["entries"]
    assert by_log["then"] == by_flows["then"]
    assert by_log["now"] == by_flows["now"] | {"digest": None}
    note = "judged by the entries that were written down, so that digests are not compared"
    assert json.loads(done.stdout)["notes"] == {note: 4}


def test_the_store_has_upstreams_bytes(recording: Recording, written: Written) -> None:
    """With it a log says all that the flows do, and flows need not keep upstream's index."""
    recording.edited(type1_has_skylake)
    whole = recording.replay("--json").stdout
    without_upstreams_index(recording.file)
    assert json.loads(recording.replay("--json").stdout)["not_replayable"] == {
        "upstream's index is not at hand": 8
    }
    recording.store = str(written.store)
    assert recording.replay("--json").stdout == whole
    assert changed(recording.check("--json")) | {"times": 2} == changed(recording.replay("--json"))


def without_upstreams_index(file: Path) -> None:
    """As MetaHub wrote flows that keep none: it may be large."""
    flows = list(FlowReader(io.BytesIO(file.read_bytes())).stream())
    with file.open("wb") as opened:
        for flow in flows:
            tnetstring.dump(flow.get_state() | {"backup": None}, opened)


def test_a_store_that_cannot_be_read_is_done_without(recording: Recording) -> None:
    """It is said; the flows may have all that is needed."""
    recording.edited()
    broken = recording.directory / "broken.sqlite"
    broken.write_text("no store")
    recording.store = str(broken)
    done = recording.replay()
    assert done.exit_code == 0
    assert str(broken) in done.stderr
    assert done.stderr.endswith("; going on without it\n")


def test_nothing_secret_comes_out(recording: Recording) -> None:
    """Neither a login of a registry, nor one of the proxy."""
    recording.edited(type1_has_skylake)
    for words in ([], ["--json"], ["--all"], ["--json", "--all"]):
        said = recording.replay(*words).output + recording.check(*words).output
        assert "qnib-type1" in said
        assert not [secret for secret in SECRETS if secret in said]


def test_flows_come_in_a_pipe(recording: Recording) -> None:
    """As they would from a machine where no rules are."""
    recording.edited(type1_has_skylake)
    piped = recording.replay("--json", stdin=recording.file.read_bytes())
    assert piped.stdout == recording.replay("--json").stdout


def test_a_file_that_was_cut_is_replayed_as_far_as_it_goes(recording: Recording) -> None:
    """Where the disk was full, say; and that something is missing is said."""
    recording.edited()
    whole = recording.file.read_bytes()
    recording.file.write_bytes(whole[:-1])
    done = recording.replay("--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["unchanged"] == 7
    assert json.loads(done.stdout)["cut"] == "it is cut or damaged after 7 flows"
    assert done.stderr == (
        "metahub: it is cut or damaged after 7 flows; what was read before is compared\n"
    )


@pytest.mark.parametrize(
    "content",
    [
        b"nonsense",
        b"{}",
        b"[]",
        b"999999999999:" + b"x" * 100,
        b"5:hello,",
        b"2:1#}",
        b'{"client": "decision"}\n',
        b"0:}",
    ],
)
def test_a_file_that_holds_no_flows(content: bytes, tmp_path: Path, odd: OddRegistry) -> None:
    """It is no recording at all, and nothing of it is repeated."""
    recording = Recording(tmp_path, table(odd.address))
    recording.edited()
    recording.file.write_bytes(content)
    done = recording.replay()
    assert done.exit_code == 2
    assert done.stderr == (
        f"metahub: {recording.file}: it holds no flows that mitmproxy can read;"
        " decisions that were logged are for `metahub check --against`\n"
    )
    assert recording.replay(stdin=content).stderr.startswith("metahub: stdin: it holds no flows")


def test_an_empty_file_changes_nothing(tmp_path: Path, odd: OddRegistry) -> None:
    """It was recorded, and nobody came."""
    recording = Recording(tmp_path, table(odd.address))
    recording.edited()
    recording.file.touch()
    assert recording.replay().exit_code == recording.check().exit_code == 0


def test_what_is_not_there(tmp_path: Path, odd: OddRegistry) -> None:
    """A file, and the rules: another end than that of a comparison."""
    recording = Recording(tmp_path, table(odd.address))
    assert recording.replay().exit_code == 2
    assert recording.check().exit_code == 1
    recording.edited()
    done = recording.replay()
    assert done.exit_code == 2
    assert done.stderr == f"metahub: {recording.file} cannot be read: No such file or directory\n"


def without_metahub(file: Path, user: str | None) -> None:
    """Make of each flow what a proxy of somebody else's records, with its own login."""
    flows = list(FlowReader(io.BytesIO(file.read_bytes())).stream())
    with file.open("wb") as opened:
        for flow in flows:
            flow.revert()
            flow.metadata = {"proxyauth": (user, "a-password")} if user else {}
            FlowWriter(opened).add(flow)


@pytest.mark.parametrize("user", ["qnib-type2", None])
def test_a_recording_of_others(user: str | None, recording: Recording) -> None:
    """What passed by is judged: by the user, or by the address."""
    without_metahub(recording.file, user)

    def all_are_type2(rules: Rules) -> None:
        rules["clients"].append({"network": "127.0.0.0/8", "machine_type": "type2"})

    recording.edited(all_are_type2)
    done = recording.replay("--json")
    one = changed(done)
    assert (one["user"], one["address"], one["times"]) == (user, "127.0.0.1", 8)
    assert one["then"] == {
        "outcome": None,
        "machine_type": None,
        "digest": str(qnib_bench().index.digest),
        "kept": None,
    }
    assert one["now"]["kept"] == [digest_of(SKYLAKE)]
    assert "a-password" not in done.output + recording.replay().output


@pytest.fixture(scope="module")
def written_of_others(place: Path, trust: Trust) -> Written:
    """What passes: an unknown client's; of a known one a manifest, errors, a pin and a blob."""
    return write(place, trust, pull_what_passes)


def pull_what_passes(proxy: ProxyInThread, odd: OddRegistry) -> None:
    """What nothing is made of."""
    odd.offer(REPOSITORY, "single", image_of(BROADWELL).manifest)
    odd[f"/v2/{REPOSITORY}/manifests/broken"] = Reply(status=500)
    unknown = Asker(proxy.wire(odd.address), REPOSITORY)
    unknown.get(TAG)
    unknown.head(TAG)
    known = Asker(proxy.wire(odd.address, login_of(TYPE1)), REPOSITORY)
    for reference in ("single", "broken", "missing", qnib_bench().index.digest):
        known.get(reference)
    known.blob(qnib_bench().index.digest)


@pytest.fixture
def passing(written_of_others: Written, tmp_path: Path) -> Recording:
    """What passes."""
    return recording_of(written_of_others, tmp_path)


def test_what_passes_is_compared_too(passing: Recording) -> None:
    """Nothing of it changes by itself."""
    passing.edited()
    assert passing.replay().stdout.splitlines() == [
        "0 of 6 requests would come out otherwise, 6 would not, 0 cannot be replayed.",
        "Flows that ask for no manifest of a registry: 1.",
    ]
    assert passing.check().stdout.splitlines()[1:] == [
        "0 of 5 decisions would come out otherwise, 5 would not, 0 cannot be replayed."
    ]


def test_an_unknown_client_that_becomes_known(passing: Recording) -> None:
    """A flow has the index that passed by; a log has nothing of it."""
    network = {"network": "127.0.0.0/8", "machine_type": "type1"}
    passing.edited(lambda rules: rules["clients"].append(network))
    one = changed(passing.replay("--json"))
    assert (one["then"]["outcome"], one["times"]) == ("passed:unknown-client", 2)
    assert one["now"]["kept"] == [digest_of(BROADWELL)]
    by_log = json.loads(passing.check("--json").stdout)
    assert by_log["not_replayable"] == {"upstream's index is not at hand": 1}


def test_an_unknown_client_that_is_let_in_no_more(passing: Recording) -> None:
    """Who is known stays where it is."""
    passing.edited(lambda rules: rules.update(unknown_clients="deny"))
    for done in (passing.replay("--json"), passing.check("--json")):
        assert changed(done)["now"]["outcome"] == "denied"


def test_programs_that_are_exempt(recording: Recording) -> None:
    """As the options say that the proxy would read."""
    recording.exempt = "containerd"
    recording.edited()
    for done in (recording.replay("--json"), recording.check("--json")):
        outcomes = [one["now"]["outcome"] for one in json.loads(done.stdout)["decisions"]]
        assert outcomes == ["passed:exempt"] * len(TABLE)


def without_type2(rules: Rules) -> None:
    """Its user is no more."""
    rules["clients"] = [one for one in rules["clients"] if one["machine_type"] != "type2"]


EDITS: dict[str, Callable[[Rules], object]] = {
    "nothing": lambda _: None,
    "another feature": type1_has_skylake,
    "a user less": without_type2,
    "a platform": lambda rules: rules["machine_types"]["type1"].update(platform="linux/arm64"),
    "exact": lambda rules: rules.update(images=[EXACT]),
    "all": lambda rules: rules.update(images=[{"match": "*", "choose": "all"}]),
    "a manifest": lambda rules: rules.update(images=[{"match": "*", "answer": "manifest"}]),
    "upstream's": lambda rules: rules.update(images=[EXACT | {"no_fit": "upstream"}]),
}


@pytest.mark.parametrize("edit", EDITS)
def test_it_is_what_the_proxy_does_then(
    edit: str, recording: Recording, serve: Serve, odd: OddRegistry
) -> None:
    """By the edited rules, for each user: outcome, digest and the entries that stay."""
    recording.edited(EDITS[edit])
    told = {
        one["user"]: (one["now"]["outcome"], one["now"]["digest"])
        for one in json.loads(recording.replay("--json", "--all").stdout)["decisions"]
    }
    rules = table(odd.address) | {"clients": recording.rules["clients"]}
    EDITS[edit](rules)
    assert told == decisions_of(serve(rules), odd)


def decisions_of(proxy: ProxyInThread, odd: OddRegistry) -> dict[str, tuple[str, str | None]]:
    """What a proxy decides for each user of the table."""
    images = qnib_bench()
    odd.offer(REPOSITORY, TAG, images.index)
    for image in images.images:
        odd.offer(REPOSITORY, image.manifest.digest, image.manifest)
    log = io.StringIO()
    for user in TABLE:
        with redirect_stdout(log), suppress(NoTunnelError):
            Asker(proxy.wire(odd.address, login_of(user)), REPOSITORY).get(TAG)
    proxy.stop()
    decided = map(Decision.loaded, log.getvalue().splitlines())
    found = {
        one.client.user: (str(one.outcome), str(one.digest) if one.digest else None)
        for one in decided
        if one.client.user
    }
    return {user.name: found.get(user.name, ("denied", None)) for user in TABLE}


def test_a_registry_that_the_rules_lose(recording: Recording) -> None:
    """What was rewritten is not looked at any more."""
    recording.edited(lambda rules: rules.update(registries=["docker.io"]))
    for done in (recording.replay("--json"), recording.check("--json")):
        outcomes = [one["now"]["outcome"] for one in json.loads(done.stdout)["decisions"]]
        assert outcomes == ["tunnelled"] * len(TABLE)


@pytest.mark.parametrize(
    ("host", "opened"), [("ghcr.io:443", 2), ("elsewhere.test:443", 0), ("ghcr.io", 0)]
)
def test_a_registry_that_the_rules_gain(host: str, opened: int, recording: Recording) -> None:
    """What went through a tunnel would be looked at now, and nobody knows what it was."""
    tunnelled = decided(outcome=Outcome.TUNNELLED, registry=host, repository="", reference="")
    recording.log += f"{tunnelled.dumped()}\n" * 2 + "listening\n"
    recording.edited(lambda rules: rules["registries"].append("ghcr.io"))
    done = json.loads(recording.check("--json").stdout)
    assert sum(done["not_replayable"].values()) == opened
    assert done["others"] == 3 - opened


def test_a_refusal_is_replayed(serve: Serve, odd: OddRegistry, tmp_path: Path) -> None:
    """From the index that nobody got."""
    recording = Recording(tmp_path, table(odd.address) | {"images": [EXACT]})
    odd.offer(REPOSITORY, TAG, qnib_bench().index)
    proxy = serve(recording.rules, save_stream_file=str(recording.file))
    asker = Asker(proxy.wire(odd.address, login_of(TYPE3)), REPOSITORY)
    assert (asker.head(TAG).status, asker.get(TAG).status) == (403, 403)
    proxy.stop()
    recording.edited()
    assert recording.replay().exit_code == 0
    recording.edited(lambda rules: rules.update(images=[]))
    one = changed(recording.replay("--json"))
    assert (one["then"]["outcome"], one["now"]["outcome"]) == ("refused", "rewritten")
