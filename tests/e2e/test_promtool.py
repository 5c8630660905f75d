"""Prometheus' own program reads what is there for Prometheus."""

import subprocess
from pathlib import Path

import pytest

from metahub.core.registry import Registries, Registry
from metahub.proxy.metrics import Metrics
from tests.e2e.machine.parts import require_programs
from tests.test_watching import ALERTS

FIRE = Path(__file__).parents[1] / "data" / "alerts" / "fire.yaml"

TIME_TO_CHECK = 30.0


@pytest.fixture(autouse=True)
def _promtool() -> None:
    require_programs("promtool")


def promtool(*words: str, given: bytes = b"") -> tuple[int, str]:
    """Its exit code, and all that it says."""
    ended = subprocess.run(
        ["promtool", *words],
        input=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=TIME_TO_CHECK,
        check=False,
    )
    return ended.returncode, ended.stdout.decode()


def test_the_exposition_keeps_to_the_custom() -> None:
    """Names, units and explanations: it has no remark, also once something was counted."""
    metrics = Metrics()
    metrics.go_by(Registries([Registry.parse("docker.io")]), ["type1"])
    metrics.asked_upstream("GET", 200, 0.1)
    metrics.ratelimit("docker.io", "100;w=21600")
    _, text = metrics.exposition()
    assert promtool("check", "metrics", given=text) == (0, "")


def test_it_would_remark_on_what_does_not() -> None:
    """The test before would say nothing if it had no remarks."""
    code, said = promtool("check", "metrics", given=b"# TYPE metahub_x counter\nmetahub_x 1\n")
    assert code != 0
    assert "_total" in said


def test_the_alerts_can_be_read() -> None:
    """All of them."""
    code, said = promtool("check", "rules", str(ALERTS))
    assert (code, "SUCCESS" in said) == (0, True), said


def test_the_alerts_fire_when_they_should_and_not_else(tmp_path: Path) -> None:
    """On the numbers of some proxies, as Prometheus would reckon."""
    rules = tmp_path / "fire.yaml"
    rules.write_text(FIRE.read_text().replace("[ALERTS]", f"[{ALERTS}]"))
    code, said = promtool("test", "rules", str(rules))
    assert code == 0, said
