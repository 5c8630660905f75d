"""`metahub ca`: the CA that signs what nodes see of registries."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from metahub.cli.authority_shown import as_json, in_lines
from metahub.cli.configured import Configured
from metahub.cli.ending import ending_with
from metahub.cli.rules_read import rules_in
from metahub.config import CONFIG, ConfigError
from metahub.node.authority import (
    Authority,
    AuthorityError,
    Confdir,
    EncryptedKeyError,
    SigningPair,
    doubts_of,
    new_pair,
    pair_among,
)
from metahub.rules import Rules

ca = typer.Typer(
    name="ca",
    help="The CA that signs what nodes see of registries: make it, show it, change it.",
    no_args_is_help=True,
)

Config = Annotated[Path, typer.Option("--config", help="mitmproxy's options.", metavar="FILE")]
InDirectory = Annotated[
    Path | None,
    typer.Option("--confdir", help="Where the CA is, if not where FILE says.", metavar="DIR"),
]
RulesIn = Annotated[
    Path | None,
    typer.Option("--rules", help="Where the rules are, if not where FILE says.", metavar="DIR"),
]
Unconstrained = Annotated[
    bool,
    typer.Option(
        "--unconstrained",
        help="Let it sign for every host, not only those of `registries` and `metahub_hosts`:"
        " whoever steals its key can then speak as any host to the nodes.",
    ),
]
Replace = Annotated[
    bool,
    typer.Option("--replace", help="Put it in the place of the one that is there, and keep that."),
]


@ca.command()
def create(
    config: Config = CONFIG,
    confdir: InDirectory = None,
    rules: RulesIn = None,
    unconstrained: Unconstrained = False,
    replace: Replace = False,
) -> None:
    """Make a CA that may sign for the hosts of the rules' registries, and all names below them."""
    with ending_with(AuthorityError, ConfigError):
        places = _places(config, confdir, rules)
        pair = _new(places, unconstrained)
        _put(places.confdir, pair, replace)


@ca.command()
def show(
    config: Config = CONFIG,
    confdir: InDirectory = None,
    as_json_: Annotated[bool, typer.Option("--json", help="Print it for scripts.")] = False,
) -> None:
    """Show the CA: its name, fingerprint and constraints, how long it lasts, and where it is."""
    with ending_with(AuthorityError, ConfigError):
        there = _places(config, confdir).confdir
        authority, now = there.authority(), _now()
        doubts = (*there.doubts(), *doubts_of(authority, (), (), now))
    if as_json_:
        typer.echo(json.dumps(as_json(authority, there, doubts, now), indent=2))
        return
    _show(authority, there, now)
    for doubt in doubts:
        typer.echo(f"metahub: {doubt}", err=True)


@ca.command()
def rotate(
    config: Config = CONFIG,
    confdir: InDirectory = None,
    rules: RulesIn = None,
    unconstrained: Unconstrained = False,
    finish: Annotated[
        bool, typer.Option("--finish", help="Let the next CA sign: all nodes trust it.")
    ] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help="Forget the next CA.")] = False,
) -> None:
    """Make the next CA. The one that is there signs until all nodes trust both, and --finish."""
    if finish and cancel:
        raise typer.BadParameter("--finish and --cancel exclude each other")
    with ending_with(AuthorityError, ConfigError):
        places = _places(config, confdir, rules)
        if finish:
            _say_kept(places.confdir.finish(_now()))
            typer.echo(f"{_named(places.confdir)} signs from now on.")
        elif cancel:
            places.confdir.cancel()
            typer.echo(f"{_named(places.confdir)} signs as before, and nodes trust no other.")
        else:
            _begin(places, unconstrained)


@ca.command(name="import")
def import_(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="The CA's key, its certificate, and those above it up to what nodes trust: PEM,"
            " in any order, in one file or in several.",
            metavar="FILE…",
        ),
    ],
    config: Config = CONFIG,
    confdir: InDirectory = None,
    rules: RulesIn = None,
    replace: Replace = False,
) -> None:
    """Sign with a CA of your own, such as an intermediate of your company's."""
    with ending_with(AuthorityError, ConfigError):
        places = _places(config, confdir, rules)
        pair = _imported(files, places)
        _refuse_outside(pair.authority, rules_in(places.rules), files)
        _put(places.confdir, pair, replace)
        if pair.chain[-1].issuer != pair.chain[-1].subject:
            hint = "a program that insists on one refuses what it signs"
            typer.echo(f"Its root is not among the files: {hint}.")


def _now() -> datetime:
    return datetime.now(UTC)


def _places(config: Path, confdir: Path | None, rules: Path | None = None) -> Configured:
    places = Configured.by(config)
    if confdir:
        places = replace(places, confdir=replace(places.confdir, path=confdir))
    return replace(places, rules=rules) if rules else places


def _new(places: Configured, unconstrained: bool) -> SigningPair:
    registries = rules_in(places.rules).registries
    return new_pair(registries, places.own_hosts, _now(), constrained=not unconstrained)


def _put(there: Confdir, pair: SigningPair, replacing: bool) -> None:
    if replacing and not there.is_empty():
        _say_kept(there.replace(pair, _now()))
    else:
        there.put(pair)
    _show(there.authority(), there, _now())


def _begin(places: Configured, unconstrained: bool) -> None:
    there = places.confdir
    there.begin(_new(places, unconstrained))
    _show(there.authority(), there, _now())
    typer.echo(
        f"Have each node trust {there.bundle} anew, which has both CAs; then"
        " `metahub ca rotate --finish`."
    )


def _say_kept(kept: Path) -> None:
    typer.echo(f"What was there is kept in {kept}: remove it when no node trusts it any more.")


def _named(there: Confdir) -> str:
    return there.authority().subject


def _imported(files: list[Path], places: Configured) -> SigningPair:
    pem = b"\n".join(map(_read, files))
    try:
        return _pair_among(pem, places.confdir.passphrase)
    except ValueError as error:
        raise AuthorityError(f"{', '.join(map(str, files))}: {error}") from error


def _pair_among(pem: bytes, passphrase: bytes | None) -> SigningPair:
    try:
        return pair_among(pem, _now(), passphrase)
    except EncryptedKeyError:
        asked: str = typer.prompt("Passphrase of the key", hide_input=True, err=True)
        typer.echo("The key is kept without it, for mitmproxy asks nobody.", err=True)
        return pair_among(pem, _now(), asked.encode())


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise AuthorityError(f"{file} cannot be read ({error.strerror})") from error


def _refuse_outside(authority: Authority, rules: Rules, files: list[Path]) -> None:
    outside = [one.name for one in rules.registries if not authority.permits(one)]
    if outside:
        names = ", ".join(outside)
        raise AuthorityError(
            f"{', '.join(map(str, files))}: its name constraints do not permit {names}: import a CA"
            " that they permit, or take them out of `registries`"
        )


def _show(authority: Authority, there: Confdir, now: datetime) -> None:
    for word, text in in_lines(authority, there, now):
        typer.echo(f"{word:12} {text}")
