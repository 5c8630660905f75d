"""The arrows between the folders of addons/metahub, read from the imports of every file.

A folder that gains an arrow or a dependency gains it in the table here, where it is seen.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ADDONS = Path(__file__).parents[1] / "addons"


@dataclass(frozen=True, slots=True)
class May:
    """What one folder may import: folders of ours, and packages of others, separated by spaces."""

    ours: str = ""
    others: str = ""


ROOT = "the root"
ENTRY = "metahub_addon"

ARROWS = {
    ROOT: May(),  # metahub/__init__.py: everybody may import it, so it imports nothing
    "whole_file": May(),  # how a file is written, whatever is in it
    "core": May(others="archspec"),
    "rules": May(ours="core whole_file", others="pydantic watchfiles yaml"),
    "store": May(ours="core", others="alembic psycopg sqlalchemy"),
    "config": May(others="yaml"),  # config.yaml, for whom mitmproxy is not worth its import
    "node": May(ours="core rules whole_file", others="archspec cryptography yaml"),
    "workers": May(ours="config"),  # the parent of proxies, which holds no mitmproxy itself
    "proxy": May(
        ours="core rules store node config upstream explaining workers",
        others="OpenSSL aiohttp argon2 bcrypt cachetools certifi cryptography jinja2 mitmproxy"
        " multidict prometheus_client yaml yarl",
    ),
    "upstream": May(
        ours="core", others="aiohttp yarl"
    ),  # asks a registry; proxy asks by its own way
    "explaining": May(ours="core rules upstream"),
    "demo": May(ours="core node", others="aiohttp argon2 bcrypt cryptography multidict yaml yarl"),
    "cli": May(
        ours="core rules store proxy upstream explaining node demo config workers",
        others="argon2 rich typer",
    ),
    "__main__": May(ours="cli"),
    ENTRY: May(ours="proxy", others="mitmproxy"),
}

# The core takes values and gives values; these reach for the world.
THE_WORLD = (
    "asyncio concurrent glob http importlib io logging multiprocessing os pathlib random"
    " secrets select shutil signal socket sqlite3 ssl subprocess tempfile threading time"
    " urllib.request uuid"
)


@dataclass(frozen=True, slots=True)
class Import:
    """The full name that a line imports, `package.module.name`."""

    line: int
    name: str

    @property
    def package(self) -> str:
        """The first word of the name."""
        return self.name.partition(".")[0]

    @property
    def folder(self) -> str | None:
        """The folder of ours that the name is in; None for what is not ours."""
        if self.package == ENTRY:
            return ENTRY
        if self.package != "metahub":
            return None
        below = self.name.split(".")[1:2]
        return below[0] if below and below[0] in ARROWS else ROOT


def imports_of(path: Path, source: str) -> Iterator[Import]:
    """Every import of a file, wherever in it; `path` counts from addons/."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (Import(node.lineno, alias.name) for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            module = absolute(path, node)
            yield from (Import(node.lineno, f"{module}.{alias.name}") for alias in node.names)


def absolute(path: Path, node: ast.ImportFrom) -> str:
    """The module after `from`, without leading dots."""
    if not node.level:
        return node.module or ""
    packages = path.parent.parts
    above = packages[: len(packages) - node.level + 1]
    return ".".join((*above, node.module) if node.module else above)


def folder_of(path: Path) -> str:
    """The row of the table that a file is under; `path` counts from addons/."""
    if path == Path("metahub/__init__.py"):
        return ROOT
    return path.parts[1] if len(path.parts) > 2 else path.stem


def objection(folder: str, imported: Import) -> str | None:
    """Why the folder may not import this, or None if it may."""
    may = ARROWS[folder]
    if imported.folder:
        allowed = imported.folder in {ROOT, folder, *may.ours.split()}
        return None if allowed else f"of ours {folder} imports only: {may.ours or 'nothing'}"
    if imported.package not in sys.stdlib_module_names:
        allowed = imported.package in may.others.split()
        return None if allowed else f"of others {folder} imports only: {may.others or 'nothing'}"
    return objection_to_the_world(folder, imported)


def objection_to_the_world(folder: str, imported: Import) -> str | None:
    """Why the core may not import this part of the standard library; every other folder may."""
    reached = any(f"{imported.name}.".startswith(f"{part}.") for part in THE_WORLD.split())
    return "core takes and gives values only" if folder == "core" and reached else None


def wrong_arrows(path: Path, source: str) -> list[str]:
    """A sentence for each import that the table forbids; `path` counts from addons/."""
    folder = folder_of(path)
    if folder not in ARROWS:
        return [f"addons/{path}: {folder} has no row in ARROWS"]
    return [
        f"addons/{path}:{imported.line}: {imported.name}: {reason}"
        for imported in imports_of(path, source)
        if (reason := objection(folder, imported))
    ]


def test_every_import_follows_the_table() -> None:
    """No file under addons/ imports what its folder may not."""
    files = sorted(ADDONS.rglob("*.py"))
    wrong = [
        sentence
        for file in files
        for sentence in wrong_arrows(file.relative_to(ADDONS), file.read_text("utf-8"))
    ]
    assert files
    assert not wrong, "\n".join(["", *wrong])


def test_the_table_has_no_way_back() -> None:
    """Arrows run one way: the folders of the table can be put in an order."""
    arrows = {folder: may.ours.split() for folder, may in ARROWS.items()}
    assert set(TopologicalSorter(arrows).static_order()) == set(ARROWS)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("metahub/__init__.py", "from importlib.metadata import version"),
        ("metahub/core/index.py", "import json\nfrom metahub.core.digest import Digest"),
        ("metahub/core/feature.py", "import archspec.cpu\nfrom urllib.parse import urlsplit"),
        ("metahub/core/selection.py", "from . import index\nfrom .machine import MachineType"),
        ("metahub/rules/reader.py", "from pathlib import Path\nfrom ..core import feature"),
        ("metahub/store/__init__.py", "from sqlalchemy.orm import Session\nfrom .. import core"),
        ("metahub/proxy/gate.py", "from metahub import __version__, core, rules, store"),
        ("metahub/cli/demo.py", "import metahub.demo.scene\nimport rich, typer"),
        ("metahub_addon.py", "from metahub.proxy import addons"),
    ],
)
def test_a_right_arrow_is_let_be(path: str, source: str) -> None:
    """What the table allows is allowed in each way of writing it."""
    assert wrong_arrows(Path(path), source) == []


@pytest.mark.parametrize(
    ("path", "source", "sentence"),
    [
        (
            "metahub/core/index.py",
            "import json\nimport metahub.rules",
            "addons/metahub/core/index.py:2: metahub.rules: of ours core imports only: nothing",
        ),
        (
            "metahub/core/index.py",
            "from ..store import sqlite",
            "addons/metahub/core/index.py:1: metahub.store.sqlite:"
            " of ours core imports only: nothing",
        ),
        (
            "metahub/core/__init__.py",
            "from .. import proxy",
            "addons/metahub/core/__init__.py:1: metahub.proxy: of ours core imports only: nothing",
        ),
        (
            "metahub/core/index.py",
            "def late():\n    from mitmproxy import http",
            "addons/metahub/core/index.py:2: mitmproxy.http: of others core imports only: archspec",
        ),
        (
            "metahub/core/index.py",
            "import os.path",
            "addons/metahub/core/index.py:1: os.path: core takes and gives values only",
        ),
        (
            "metahub/core/index.py",
            "from urllib import request",
            "addons/metahub/core/index.py:1: urllib.request: core takes and gives values only",
        ),
        (
            "metahub/rules/watcher.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from metahub import proxy",
            "addons/metahub/rules/watcher.py:3: metahub.proxy:"
            " of ours rules imports only: core whole_file",
        ),
        (
            "metahub/proxy/deep/down.py",
            "from ...cli import main",
            "addons/metahub/proxy/deep/down.py:1: metahub.cli.main:"
            " of ours proxy imports only: core rules store node config upstream explaining workers",
        ),
        (
            "metahub/cli/serve.py",
            "from mitmproxy.tools.main import mitmdump",
            "addons/metahub/cli/serve.py:1: mitmproxy.tools.main.mitmdump:"
            " of others cli imports only: argon2 rich typer",
        ),
        (
            "metahub/proxy/gate.py",
            "import metahub_addon",
            "addons/metahub/proxy/gate.py:1: metahub_addon:"
            " of ours proxy imports only: core rules store node config upstream explaining workers",
        ),
        (
            "metahub/__init__.py",
            "from metahub.core import digest",
            "addons/metahub/__init__.py:1: metahub.core.digest:"
            " of ours the root imports only: nothing",
        ),
        ("metahub/extra/new.py", "", "addons/metahub/extra/new.py: extra has no row in ARROWS"),
        ("metahub/stray.py", "", "addons/metahub/stray.py: stray has no row in ARROWS"),
    ],
)
def test_a_wrong_arrow_is_named(path: str, source: str, sentence: str) -> None:
    """Each wrong arrow is told with its file, its line, the import and the rule."""
    assert wrong_arrows(Path(path), source) == [sentence]
