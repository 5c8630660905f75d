"""`metahub demo`: the table, seen on a registry through the proxy."""

import asyncio
import contextlib
import json
import signal
from collections.abc import Iterator
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from metahub.core.distribution import OCI_INDEX, ManifestPath, Tag
from metahub.demo.address import LOOPBACK, proxied_name
from metahub.demo.bench import REPOSITORY, TABLE, TAG
from metahub.demo.client import TransferError
from metahub.demo.outcome import Outcome, Seen
from metahub.demo.program import ProgramError
from metahub.demo.scene import Scene, on_stage

INTERRUPTED = 130  # what a shell reports for a program that Ctrl-C ended
WITHOUT_EDGE = 160  # columns, where the output is not a terminal


def demo(
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave all running until Ctrl-C, to try it by hand.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what came as JSON, for scripts.")
    ] = False,
) -> None:
    """Pull one name as four users: each gets the build for its machine type.

    Starts a registry and a proxy on loopback, and leaves nothing behind. Exits with 0 only if the
    table is right.
    """
    try:
        is_right = asyncio.run(_perform(keep=keep, as_json=as_json))
    except (TransferError, ProgramError, OSError, ValueError) as error:
        typer.echo(f"metahub demo: {error}", err=True)
        raise typer.Exit(1) from error
    except asyncio.CancelledError as error:
        raise typer.Exit(INTERRUPTED) from error
    raise typer.Exit(0 if is_right else 1)


async def _perform(*, keep: bool, as_json: bool) -> bool:
    _cancel_on_signals()
    # Only --keep needs a name: our own client uses a proxy for an address of loopback, too.
    host = (keep and proxied_name()) or LOOPBACK
    async with on_stage(host=host) as scene:
        outcome = await scene.play()
        _show(outcome, as_json=as_json)
        if keep:
            typer.echo("\n".join(_ways_to_try(scene)), err=as_json)
            await _wait_for_signal()
    return outcome.is_right


def _cancel_on_signals() -> None:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, _cancel_once, task)


def _cancel_once(task: asyncio.Task[object] | None) -> None:
    """A second signal would only cut the cleaning up short, which ends by itself."""
    if task and not task.cancelling():
        task.cancel()


async def _wait_for_signal() -> None:
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.Event().wait()


def _show(outcome: Outcome, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(outcome.as_json(), indent=2))
        return
    console = Console()
    if not console.is_terminal:
        console = Console(width=WITHOUT_EDGE)
    console.print(_heading(outcome), _table(outcome), _verdict(outcome), sep="\n")


def _heading(outcome: Outcome) -> Text:
    return Text(
        f"{outcome.image} is one index of four builds (registry: {outcome.registry}).\n"
        "Each user pulled this plain name through MetaHub:"
    )


def _table(outcome: Outcome) -> Table:
    machine_type = Column("machine type", max_width=len("machine type"))  # room for the line
    table = Table("user", machine_type, "features", "prints", "", show_lines=True)
    for user, seen in outcome.by_user.items():
        described = f"{user.machine_type}\n{user.description}"
        cells = _cells(seen, is_right=outcome.is_right_for(user))
        table.add_row(user.name, described, "\n".join(user.features), *cells)
    cells = _cells(outcome.without, is_right=outcome.is_right_without)
    table.add_row("anybody", "without\nMetaHub", "", *cells)
    return table


def _cells(seen: Seen, *, is_right: bool) -> tuple[Text, str]:
    printed = Text(f"{seen.printed.line}\n", overflow="fold")
    printed.append(f"index {seen.digest.algorithm}:{seen.digest.short}…", style="dim")
    return printed, "[green]✓[/]" if is_right else "[red]✗[/]"


def _verdict(outcome: Outcome) -> Text:
    how = "printed by the programs, running here"
    if not outcome.without.printed.ran:
        how = "read out of the programs, which do not run on this machine"
    expected = "as expected" if outcome.is_right else "NOT as expected where there is a ✗"
    return Text(f"The lines were {how}. The table is {expected}.")


def _url(scene: Scene) -> str:
    return f"{scene.registry.url}{ManifestPath(REPOSITORY, Tag(TAG))}"


def _ways_to_try(scene: Scene) -> Iterator[str]:
    user, image = TABLE[-1], scene.image
    yield ""
    yield f"All runs until Ctrl-C. As {user.name}, or another user, whose password is its name:"
    yield f"  export HTTPS_PROXY={scene.proxy_for(user).url}"
    yield f"  export SSL_CERT_FILE={scene.proxy.authority}"
    yield f"  curl --cacert $SSL_CERT_FILE -H 'Accept: {OCI_INDEX}' {_url(scene)}"
    if scene.registry.host == LOOPBACK:
        yield "For containers the registry needs a name, since none of them uses a proxy for an"
        yield "address of loopback. Add `127.0.0.1 reg.test` to /etc/hosts, and start again."
        return
    yield f"  podman run --rm --pull=always {image}"
    yield f"  ctr images pull {image}:{TAG} && ctr run --rm {image}:{TAG} bench"
    yield f"  docker run --rm --pull=always {image}   # if its daemon has the two variables"
    yield "And without MetaHub:"
    yield f"  unset HTTPS_PROXY; export SSL_CERT_FILE={scene.registry_authority}"
