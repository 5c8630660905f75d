"""What holds of every index and every machine type, whatever they are.

The oracle here knows how each entry was made, and archspec; it asks nothing of the code it judges.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import archspec.cpu
from hypothesis import given, settings
from hypothesis import strategies as st

from metahub.core.distribution import DOCKER_LIST, OCI_INDEX
from metahub.core.machine import MachineType
from metahub.core.policy import Choose, NoFit, Policy
from metahub.core.rewrite import Answer, Refused, Rewritten, Terms, Unchanged, rewrite
from tests.core.indexes import VOCABULARY, as_bytes, attestation, digest_of, entry, index, machine

# An example takes 10 ms; all of it held for 2,500 examples each.
few = settings(max_examples=40)

type Requirement = tuple[str, str]
"""Key and value; the key of a bare word is empty."""


@dataclass(frozen=True, slots=True)
class Made:
    """An entry, and what it was made to require."""

    fields: dict[str, Any]
    platform: str
    requires: frozenset[Requirement]

    @property
    def digest(self) -> str:
        """Names it, before and after."""
        return str(self.fields["digest"])


PLATFORMS = ["linux/amd64", "linux/arm64", "linux/arm/v6", "windows/amd64"]
CPUS = ["haswell", "skylake", "skylake_avx512", "zen4", "x86_64_v2", "x86_64_v3", "coffelake"]
EXACT = [("gpu", "nvidia"), ("gpu", "amd"), ("net", "ib"), ("", "avx2")]
REQUIREMENTS = [("cpu", name) for name in CPUS] + EXACT
UNKNOWN: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{}, {"x-a": None}, {"x-b": [1, {"z": "\ud800é", "a": []}], "x-a": 10**30, "x-c": -0.5}]
)
"""Fields that no specification knows."""


def spellings(requirement: Requirement) -> list[str]:
    """All that mean the requirement."""
    key, value = requirement
    texts = [f"{key}{separator}{value}" for separator in ":=-_"] if key else [value]
    return [*texts, texts[0].upper(), f" {texts[0]}"]


@st.composite
def builds(draw: st.DrawFn, name: str) -> Made:
    """An image's entry; it may require by fields that clients refuse."""
    platform = draw(st.sampled_from(PLATFORMS))
    requires = set(draw(st.lists(st.sampled_from(REQUIREMENTS), max_size=2)))
    words = [draw(st.sampled_from(spellings(wanted))) for wanted in sorted(requires)]
    more = dict(draw(UNKNOWN))
    if platform.startswith("linux/") and draw(st.booleans()):
        more["os.features"], words = words, []
    if platform.endswith("/amd64") and draw(st.booleans()):
        more["variant"] = draw(st.sampled_from(["v1", "v2", "v3"]))
        requires |= {("cpu", f"x86_64_{more['variant']}")} - {("cpu", "x86_64_v1")}
    fields = entry(name, *words, platform=platform) | draw(UNKNOWN)
    fields["platform"] = (
        more | fields["platform"] if draw(st.booleans()) else fields["platform"] | more
    )
    return Made(fields, platform, frozenset(requires))


@dataclass(frozen=True, slots=True)
class Case:
    """An index, a machine type, and a policy."""

    made: tuple[Made, ...]
    fields: dict[str, Any]
    machine_type: MachineType
    offers: frozenset[Requirement]
    policy: Policy

    @property
    def terms(self) -> Terms:
        """As the proxy has them."""
        return Terms(self.machine_type, VOCABULARY, self.policy)

    def answer(self, fields: dict[str, Any] | None = None) -> Answer:
        """What the machine gets."""
        body = as_bytes(fields or self.fields)
        return rewrite(body, self.fields["mediaType"], "reg.test/a", self.terms)

    def fits(self, build: Made) -> bool:
        """True if the machine may run it, says archspec."""
        if self.policy.choose is Choose.EXACT:
            return build.requires == self.offers
        return all(self._satisfied(requirement) for requirement in build.requires)

    def _satisfied(self, requirement: Requirement) -> bool:
        return any(runs(offered, requirement) for offered in self.offers)

    def is_for(self, build: Made) -> bool:
        """True if the machine type does not name another platform."""
        own = self.machine_type.platform
        return own is None or str(own) == build.platform


def runs(offered: Requirement, required: Requirement) -> bool:
    """True if what needs `required` runs on what has `offered`."""
    has, wants = (archspec.cpu.TARGETS.get(value) for _, value in (offered, required))
    if offered[0] == required[0] == "cpu" and has is not None and wants is not None:
        return bool(wants <= has)
    return offered == required


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Any case; the index has attestations and unknown fields too."""
    count = draw(st.integers(1, 6))
    made = tuple(draw(builds(f"build {number}")) for number in range(count))
    proofs = [attestation(f"proof of {build.digest}", of=f"build {number}")
              for number, build in enumerate(made) if draw(st.booleans())]  # fmt: skip
    media_type = draw(st.sampled_from([OCI_INDEX, DOCKER_LIST]))
    offers = frozenset(draw(st.lists(st.sampled_from(REQUIREMENTS), max_size=4)))
    features = [f"{key}:{value}".removeprefix(":") for key, value in sorted(offers)]
    return Case(
        made,
        index(*(build.fields for build in made), *proofs, media_type=media_type, **draw(UNKNOWN)),
        machine("type1", *features, platform=draw(st.none() | st.sampled_from(PLATFORMS))),
        offers,
        Policy(draw(st.sampled_from(Choose)), draw(st.sampled_from(NoFit))),
    )


def served_digests(answer: Rewritten) -> list[str]:
    """In the order in which they are served."""
    return [fields["digest"] for fields in json.loads(answer.body)["manifests"]]


@few
@given(cases())
def test_nothing_is_kept_that_does_not_fit(case: Case) -> None:
    """Not one entry that requires what is not offered, or that is for another platform."""
    answer = case.answer()
    if not isinstance(answer, Rewritten):
        return
    kept = served_digests(answer)
    for build in case.made:
        assert build.digest not in kept or (case.fits(build) and case.is_for(build))


@few
@given(cases())
def test_every_platform_with_a_fitting_entry_keeps_one(case: Case) -> None:
    """And an image is refused only if there is none."""
    answer = case.answer()
    fitting = {build.platform for build in case.made if case.fits(build) and case.is_for(build)}
    if isinstance(answer, Rewritten):
        kept = served_digests(answer)
        assert {build.platform for build in case.made if build.digest in kept} == fitting
    if isinstance(answer, Refused):
        assert not fitting
        assert case.policy.no_fit is NoFit.DENY


@few
@given(cases())
def test_unchanged_has_a_reason_that_is_true(case: Case) -> None:
    """Every entry fits, or nothing was to decide, or the operator wants it so."""
    answer = case.answer()
    if not isinstance(answer, Unchanged):
        return
    own = [build for build in case.made if case.is_for(build)]
    true = {
        "every entry fits": own == list(case.made) and all(map(case.fits, case.made)),
        "nothing in the index requires anything": not any(build.requires for build in case.made),
        f"nothing in the index is for {case.machine_type.platform}": not own,
        "no entry fits, and the rules ask for upstream's index then": not any(map(case.fits, own)),
    }
    assert true[answer.reason]


@few
@given(cases())
def test_the_result_is_final(case: Case) -> None:
    """Run through again, it is unchanged: MetaHub may stand behind MetaHub."""
    answer = case.answer()
    if isinstance(answer, Rewritten):
        again = rewrite(answer.body, answer.media_type, "reg.test/a", case.terms)
        assert isinstance(again, Unchanged)


@few
@given(cases())
def test_nothing_unknown_is_lost(case: Case) -> None:
    """Whatever stays is as it was, but for two fields that became features, and our annotations."""
    answer = case.answer()
    if not isinstance(answer, Rewritten):
        return
    served = json.loads(answer.body)
    upstream = {fields["digest"]: fields for fields in case.fields["manifests"]}
    for fields in served["manifests"]:
        expected = json.loads(json.dumps(upstream[fields["digest"]]))
        if fields["platform"]["architecture"] == "amd64":
            expected["platform"].pop("variant", None)
        if fields["platform"]["os"] == "linux":
            expected["platform"].pop("os.features", None)
        stated = expected["platform"].get("features", [])
        moved = fields["platform"].get("features", [])[len(stated) :]
        if moved:
            expected["platform"]["features"] = stated + moved
        assert json.dumps(fields) == json.dumps(expected)
    ours = {"manifests": served["manifests"]}
    if answer.media_type == OCI_INDEX:
        ours["annotations"] = served["annotations"]
    assert json.dumps(served) == json.dumps(case.fields | ours)


@few
@given(cases(), st.randoms(use_true_random=False))
def test_the_order_of_upstream_does_not_matter(case: Case, random: Any) -> None:
    """The same entries stay; those that tie are a set."""
    shuffled = random.sample(case.fields["manifests"], len(case.fields["manifests"]))
    answer, other = case.answer(), case.answer(case.fields | {"manifests": shuffled})
    one = {verdict.entry.digest for verdict in answer.selection.verdicts if verdict.stays}
    assert one == {verdict.entry.digest for verdict in other.selection.verdicts if verdict.stays}


@few
@given(cases())
def test_attestations_live_and_die_with_their_manifest(case: Case) -> None:
    """Whatever is chosen."""
    stays = {
        str(verdict.entry.digest): verdict.stays for verdict in case.answer().selection.verdicts
    }
    for build in case.made:
        proof = digest_of(f"proof of {build.digest}")
        assert stays.get(proof, stays[build.digest]) is stays[build.digest]


@few
@given(cases())
def test_the_selection_says_what_was_done(case: Case) -> None:
    """`explain` shows it, and the proxy serves the bytes: they may not differ."""
    answer = case.answer()
    said = [str(verdict.entry.digest) for verdict in answer.selection.verdicts if verdict.stays]
    assert all(verdict.reason.isascii() and verdict.reason for verdict in answer.selection.verdicts)
    if isinstance(answer, Rewritten):
        assert sorted(said) == sorted(served_digests(answer))
        assert case.policy.choose is Choose.ALL or said == served_digests(answer)
    if isinstance(answer, Refused):
        assert not set(said) & {build.digest for build in case.made}
        assert len(answer.message) <= 1000


ANSWER_LINES = """
import json, sys
from metahub.core.rewrite import Terms, rewrite
from tests.core.indexes import VOCABULARY, machine
for line in sys.stdin:
    made, features = json.loads(line)
    terms = Terms(machine("type1", *features), VOCABULARY)
    answer = rewrite(json.dumps(made).encode(), made["mediaType"], "reg.test/a", terms)
    print(getattr(answer, "body", answer), getattr(answer, "message", ""))
"""


def test_another_process_gives_the_same_bytes() -> None:
    """Whatever seed its sets and dictionaries have: D' is the same on every instance."""
    requirements = [[], ["net:ib"], ["net:eth"], ["gpu:amd", "avx2"], ["cpu:zen4", "net:ib"]]
    offers = ["net:ib", "net:eth", "gpu:amd", "avx2", "cpu:zen4", "sse", "aes"]
    made = [
        index(
            *(entry(f"{number}", *features) for number, features in enumerate(requirements)),
            media_type=kind,
        )
        for kind in (OCI_INDEX, DOCKER_LIST)
    ]
    lines = "\n".join(json.dumps([one, offers[:count]]) for one in made for count in range(8))
    outputs = {
        subprocess.run(
            [sys.executable, "-c", ANSWER_LINES],
            input=lines,
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(outputs) == 1
    [output] = outputs
    assert output.count("schemaVersion") > 10
