"""docs/ says what is true: what it shows can be read by what it is for; links lead somewhere."""

import json
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from mitmproxy.proxy.mode_specs import ProxyMode

from metahub.config import OPTIONS, PREFIX
from metahub.node.setup import RUNTIMES
from metahub.proxy.metrics import TABLE, Bound, Label, Metric

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted(DOCS.glob("*.md"))

BLOCK = re.compile(r"^ *```(?P<language>\w+)\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?P<target>[^)#]+)\)")


def load_options(text: str) -> None:
    """A piece of config.yaml: options of ours, and modes that mitmproxy has."""
    options = yaml.safe_load(text)
    for mode in options.get("mode", ()):
        ProxyMode.parse(mode)
    ours = {option.name for option in OPTIONS}
    assert not [name for name in options if name.startswith("metahub_") and name not in ours]


READERS: dict[str, Callable[[str], object]] = {
    "json": json.loads,
    "toml": tomllib.loads,
    "yaml": load_options,
}


def blocks() -> Iterator[tuple[str, str, str]]:
    """Each fenced block that somebody may copy: its page, language and text."""
    for page in PAGES:
        for found in BLOCK.finditer(page.read_text(encoding="utf-8")):
            yield page.name, found["language"], found["text"]


def links() -> Iterator[tuple[str, str]]:
    """Each link: its page and where it leads."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        yield from ((page.name, target) for target in sorted(set(LINK.findall(text))))


@pytest.mark.parametrize(("page", "language", "text"), list(blocks()))
def test_what_is_shown_can_be_read(page: str, language: str, text: str) -> None:
    """By a parser of its language; a shell's lines, and what comes out, are for people."""
    if language in READERS:
        READERS[language](text)
    else:
        assert language in {"sh", "console", "text"}


def test_there_is_something_to_read() -> None:
    """The tests would say nothing of pages written in another way."""
    assert {language for _, language, _ in blocks()} >= {"yaml", "json"}


@pytest.mark.parametrize(("page", "target"), list(links()))
def test_a_link_leads_somewhere(page: str, target: str) -> None:
    """To a file of the repository, or to another site by HTTPS."""
    assert target.startswith("https://") or (DOCS / target).exists()


def rows(page: str, first: str) -> Iterator[list[str]]:
    """The rows of the table whose head begins with a word."""
    lines = iter((DOCS / page).read_text(encoding="utf-8").splitlines())
    next(line for line in lines if line.startswith(f"| {first} |"))
    next(lines)
    for line in lines:
        if not line.startswith("|"):
            return
        yield [cell.strip() for cell in line.strip("|").split("|")]


def test_all_runtimes_are_told_of() -> None:
    """In the order of `metahub setup`."""
    assert [row[0] for row in rows("nodes.md", "RUNTIME")] == [f"`{name}`" for name in RUNTIMES]


def test_all_metrics_are_told_of() -> None:
    """In the words of the table, with each value of their labels, but for the version."""
    *ours, prometheus = rows("metrics.md", "metric")
    assert prometheus[0] == "Prometheus' own `process_…`"
    assert ours == [[f"`{metric.name}`", _labels(metric), metric.help] for metric in TABLE]


def _labels(metric: Metric) -> str:
    return "; ".join(map(_label, metric.labels))


def _label(label: Label) -> str:
    if label.name == "version":
        return "`version`"
    return f"`{label.name}`: {', '.join(filter(None, (*label.values, label.more)))}"


def test_all_bounds_are_told_of() -> None:
    """Each with an option that there is; and each that the metrics count."""
    told = {word.strip("`") for row in rows("bounds.md", "what") for word in row[2].split()}
    ours = {name for name in told if name.startswith(PREFIX)}
    assert ours <= {option.name for option in OPTIONS}
    assert {f"{PREFIX}{bound}" for bound in Bound} <= ours
