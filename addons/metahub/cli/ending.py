"""How a command ends that cannot do what it is for.

Knows the exit code, and where the sentence goes. Must not know what went wrong.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import typer


@contextmanager
def ending_with(*errors: type[Exception], name: str = "metahub", code: int = 1) -> Iterator[None]:
    """Where one of these is raised, its sentence goes to stderr, and the command ends with 1, or
    with another code.
    """
    try:
        yield
    except errors as error:
        typer.echo(f"{name}: {error}", err=True)
        raise typer.Exit(code) from error
