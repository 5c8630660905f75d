"""`metahub setup`: the script that points a runtime of a node at the proxy, and whether it worked.

Knows where a script's values come from. Must not know what is in it, nor how a node is checked.
"""

import socket
from pathlib import Path
from typing import Annotated

import typer

from metahub.cli.check import show_mistakes
from metahub.cli.setup_check import show_check
from metahub.node.authority import Authority, AuthorityError, pem_of, read_authority
from metahub.node.setup import RUNTIMES, setup_script
from metahub.rules import Rules, RulesError, read_rules

# What mitmproxy and MetaHub take where config.yaml says nothing.
_DEFAULTS = {"confdir": "~/.mitmproxy", "listen_port": 8080, "metahub_rules": "metahub_rules"}


def setup(
    runtime: Annotated[
        str | None,
        typer.Argument(
            help="What pulls images on the node, as docker. Without it all that there are; with"
            " --check the first that is on this node.",
            metavar="RUNTIME",
            show_default=False,
        ),
    ] = None,
    proxy: Annotated[
        str | None,
        typer.Option(
            help="Where nodes reach the proxy. With --check: the way to try, whatever the runtime"
            " is told; its password may be in METAHUB_PASSWORD.",
            metavar="http://HOST:PORT",
            show_default=False,
        ),
    ] = None,
    config: Annotated[
        Path, typer.Option(help="The proxy's options: its CA, its rules, its port.", metavar="FILE")
    ] = Path("config.yaml"),
    check: Annotated[
        bool, typer.Option("--check", help="On a node: say which steps of its set-up work.")
    ] = False,
    registry: Annotated[
        str | None,
        typer.Option(help="Check the way to this one.", metavar="NAME", show_default=False),
    ] = None,
    root: Annotated[
        Path, typer.Option(help="Check the node whose files are mounted here.", metavar="DIR")
    ] = Path("/"),
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what was checked as JSON, for scripts.")
    ] = False,
) -> None:
    """Print the script that lets a runtime of a node pull through the proxy and trust its CA.

    It is what the proxy itself serves: `metahub setup docker | ssh NODE sudo sh -s -- --user NAME`.
    With --check, say on the node which of the steps up to a pull work, and what to do about the
    others; exits with 1 unless all do.
    """
    if check:
        if not show_check(runtime, proxy, registry, root, as_json=as_json):
            raise typer.Exit(1)
        return
    if runtime is None:
        for name, known in RUNTIMES.items():
            typer.echo(f"{name:11} {known.title}: {known.description}")
        return
    if runtime not in RUNTIMES:
        raise typer.BadParameter(f"expected one of {', '.join(RUNTIMES)}, found {runtime!r}")
    typer.echo(_script(runtime, proxy, config), nl=False)


def _script(runtime: str, proxy: str | None, file: Path) -> str:
    options = _options(file)
    rules = _rules(Path(str(options["metahub_rules"])))
    where = proxy or f"http://{socket.gethostname()}:{options['listen_port']}"
    authority = _authority(Path(str(options["confdir"])).expanduser())
    certificates = [pem_of(certificate) for certificate in authority.certificates]
    try:
        return setup_script(
            runtime, where, certificates, [known.name for known in rules.registries]
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def _options(file: Path) -> dict[str, object]:
    # mitmproxy takes half a second to import, which the list has no need of.
    from metahub.proxy.config import ConfigError, read_config  # noqa: PLC0415

    try:
        return _DEFAULTS | read_config(file)
    except ConfigError as error:
        raise _stopped(error) from error


def _authority(confdir: Path) -> Authority:
    try:
        return read_authority(confdir)
    except AuthorityError as error:
        raise _stopped(error) from error


def _rules(directory: Path) -> Rules:
    try:
        return read_rules(directory)
    except RulesError as error:
        show_mistakes(error, directory)
        raise typer.Exit(1) from error


def _stopped(error: Exception) -> typer.Exit:
    typer.echo(f"metahub: {error}", err=True)
    return typer.Exit(1)
