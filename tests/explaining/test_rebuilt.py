"""An index made again of what a decision tells of its entries."""

import json

import pytest

from metahub.core.digest import Digest
from metahub.core.judgement import Judged, Judgement
from metahub.core.machine import MachineType
from metahub.core.rewrite import Terms, rewrite
from metahub.explaining.rebuilt import rebuilt_index
from tests.core.indexes import VOCABULARY, machine
from tests.core.test_public_indexes import NAMES, answer_to, bytes_of

MACHINES = [
    machine("plain"),
    machine("skylake", "cpu:skylake", "gpu:nvidia"),
    machine("haswell", "cpu:haswell", platform="linux/amd64"),
    machine("arm", platform="linux/arm64"),
    machine("arm6", platform="linux/arm/v6"),
    machine("windows", platform="windows/amd64"),
]


def images_of(judged: Judgement) -> list[tuple[Digest, bool, str]]:
    """What became of each entry that a client chooses, and why."""
    return [
        (entry.digest, entry.stays, entry.reason)
        for entry in judged.entries
        if entry.platform and not entry.platform.startswith("unknown/")
    ]


@pytest.mark.parametrize("written_for", MACHINES[:2], ids=lambda known: known.name)
@pytest.mark.parametrize("machine_type", MACHINES, ids=lambda known: known.name)
@pytest.mark.parametrize("name", NAMES)
def test_the_same_is_chosen_of_it(
    name: str, machine_type: MachineType, written_for: MachineType
) -> None:
    """Whoever it was written down for, and with the same reasons."""
    written = Judgement.of(answer_to(bytes_of(name), written_for)).entries
    again = rebuilt_index(written)
    assert again is not None
    terms = Terms(machine_type, VOCABULARY)
    chosen = Judgement.of(rewrite(again.body, again.media_type, "image", terms))
    meant = Judgement.of(answer_to(bytes_of(name), machine_type))
    assert images_of(chosen) == images_of(meant)
    assert chosen.outcome is meant.outcome


@pytest.mark.parametrize("platform", ["", "unknown/unknown", "linux"])
def test_what_is_no_image_is_not_in_it(platform: str) -> None:
    """Attestations, artifacts and nested indexes; nothing is left where there is nothing else."""
    other = Judged(Digest.of(b"other"), platform, (), True, "is no image that a client chooses")
    image = Judged(Digest.of(b"image"), "windows/amd64 (10.0.1)", ("cpu:v3",), True, "fits")
    assert rebuilt_index([other]) is None
    again = rebuilt_index([other, image])
    assert again is not None
    (entry,) = json.loads(again.body)["manifests"]
    assert entry["digest"] == str(image.digest)
    assert entry["platform"]["os.version"] == "10.0.1"
