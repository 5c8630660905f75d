"""Which commands there are, and where each is.

Knows their names and their lines in the help. Must not import any before somebody wants it: what
they need takes seconds to import, and scripts on nodes call some of them.
"""

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

COMMANDS = {
    "serve": "Serve nodes: they pull through here, and see the builds that fit them.",
    "check": "Say what is wrong with the rules, or what they hold and what of it is doubtful.",
    "explain": "Show which entries of an image's index stay for a machine type, which go, and why.",
    "watch": "Show what the proxy decides, as it happens: who asked for what, what they got,"
    " and why.",
    "replay": "Show which recorded requests would be answered otherwise by the rules of today,"
    " and why.",
    "detect": "Find out what this machine offers to builds: CPU, GPUs, network, memory, kernel,"
    " cloud.",
    "setup": "Print the script that lets a runtime of a node pull through the proxy and trust its"
    " CA.",
    "demo": "Pull one name as four users: each gets the build for its machine type.",
    "ca": "The CA that signs what nodes see of registries: make it, show it, change it.",
    "credentials": "Add users and operators to the rules, give them new tokens, and take them out.",
}
"""The first sentence of each, by its name; the module below metahub.cli is called so, too."""


class Commands(TyperGroup):
    """The commands by their names alone, and the one that is wanted as it is."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the arguments name, imported, and the rest of them."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, _imported(str(name)), rest


def only_named() -> None:
    """What stands for a command until it is imported."""


def _imported(name: str) -> Any:
    """A command of typer's, made of a function or of a group of them."""
    found = getattr(import_module(f"metahub.cli.{name}"), name)
    if isinstance(found, typer.Typer):
        return get_command(found)
    alone = typer.Typer(add_completion=False)
    alone.command(name)(found)
    return get_command(alone)
