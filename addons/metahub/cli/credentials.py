"""`metahub credentials`: users of the proxy, and operators, each with a token of its own."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from metahub.cli.configured import Configured
from metahub.cli.ending import ending_with
from metahub.cli.rules_read import mistakes_shown, rules_in
from metahub.cli.token import Token, parse_proxy
from metahub.config import CONFIG, ConfigError
from metahub.rules import Edit, EditError, RulesText, UnwritableError, Users, edit_rules
from metahub.rules.moment import written

credentials = typer.Typer(
    name="credentials",
    help="Add users and operators to the rules, give them new tokens, and take them out.",
    no_args_is_help=True,
)

_LONGEST_GRACE = timedelta(days=366)
_GRACE = re.compile(r"(?P<number>\d{1,6})(?P<unit>[smhdw])|0")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

_NAME = "metahub credentials"
_TAKEN = "a running proxy takes it within a second"

User = Annotated[
    str, typer.Argument(help="The user of the proxy URL, or an operator.", metavar="USER")
]
Operator = Annotated[
    bool,
    typer.Option(
        "--operator",
        help="A person who may see the status page from afar; that is no user of the proxy.",
        show_default=False,
    ),
]
Config = Annotated[
    Path,
    typer.Option(help="mitmproxy's options: where rules, store and proxy are.", metavar="FILE"),
]
Directory = Annotated[
    Path | None,
    typer.Option("--rules", help="The directory of the rules, if another.", metavar="DIR"),
]
Proxy = Annotated[
    str | None,
    typer.Option(help="Where nodes reach the proxy, if elsewhere.", metavar="http://HOST:PORT"),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]


@credentials.command()
def add(
    user: User,
    machine_type: Annotated[
        str | None, typer.Option("--type", help="The machine type of its node.", metavar="NAME")
    ] = None,
    operator: Operator = False,
    config: Config = CONFIG,
    rules: Directory = None,
    proxy: Proxy = None,
    as_json: AsJson = False,
) -> None:
    """Add a user or an operator, and show the token once: the rules hold the hash only."""
    if operator == (machine_type is not None):
        raise typer.BadParameter("expected one of --type and --operator")
    directory, address = _places(config, rules, proxy)
    token = _token(user, address, operator=operator)
    remedy = f"let {Users.OPERATORS if operator else Users.CLIENTS} hold these lines"

    def edited(text: RulesText) -> Edit:
        of = _of(text, operator=operator)
        return of.with_user(user, token.hashed, machine_type, token.since)

    with _complaints(directory), _or_pasted(token, remedy, {}, as_json):
        edit = edit_rules(directory, edited)
    token.show({}, as_json=as_json)
    _tell(f"{edit.file} holds its hash; {_TAKEN}. The token is not shown again.")


@credentials.command()
def rotate(
    user: User,
    grace: Annotated[
        str,
        typer.Option(
            help="For how long the token before still holds: 12h, 7d, 2w, or 0 for no longer.",
            metavar="TIME",
        ),
    ] = "7d",
    operator: Operator = False,
    config: Config = CONFIG,
    rules: Directory = None,
    proxy: Proxy = None,
    as_json: AsJson = False,
) -> None:
    """Give somebody a new token. The one before ends by itself, when its time is over."""
    lasting = _parse_grace(grace)
    directory, address = _places(config, rules, proxy)
    token = _token(user, address, operator=operator)
    until = token.since + lasting if lasting else None
    more = {"previous_until": written(until) if until else None}
    remedy = "let these lines stand for the user"

    def edited(text: RulesText) -> Edit:
        of = _of(text, operator=operator)
        return of.with_password(user, token.hashed, token.since, until)

    with _complaints(directory), _or_pasted(token, remedy, more, as_json):
        edit = edit_rules(directory, edited)
    token.show(more, as_json=as_json)
    before = f"until {written(until)}" if until else "no longer"
    _tell(f"{edit.file} holds its hash; {_TAKEN}. The token before holds {before}.")


@credentials.command()
def remove(
    user: User, operator: Operator = False, config: Config = CONFIG, rules: Directory = None
) -> None:
    """Take somebody out. A connection that is open goes on until it ends."""
    directory = rules or _configured(config).rules
    with _complaints(directory):
        try:
            edit = edit_rules(
                directory, lambda text: _of(text, operator=operator).without_user(user)
            )
        except UnwritableError as error:
            _paste(error, "take these lines out")
            raise typer.Exit(1) from error
    _tell(f"{user} is out of {edit.file}; {_TAKEN}. A connection that is open goes on.")


@credentials.command("list")
def list_(config: Config = CONFIG, rules: Directory = None, as_json: AsJson = False) -> None:
    """List users and operators: since when each has its token; when a user was last let in."""
    # No other asks a store, and what knows SQL takes as long to import as all the rest.
    from metahub.cli.listed_user import ListedUser, as_table, last_seen  # noqa: PLC0415

    configured = _configured(config)
    known = rules_in(rules or configured.rules)
    users = list(ListedUser.all_of(known, last_seen(configured.store)))
    if as_json:
        typer.echo(json.dumps([user.as_json() for user in users], indent=2))
        return
    typer.echo("\n".join(as_table(users)))


def _token(user: str, proxy: str, *, operator: bool) -> Token:
    return Token.of_operator(user, proxy) if operator else Token.made(user, proxy)


def _of(text: RulesText, *, operator: bool) -> RulesText:
    return text.operators if operator else text


@contextmanager
def _or_pasted(
    token: Token, remedy: str, more: Mapping[str, object], as_json: bool
) -> Iterator[None]:
    """Where the rules cannot be written, show what a person may paste where they come from."""
    try:
        yield
    except UnwritableError as error:
        token.show(more, as_json=as_json)
        _paste(error, remedy)
        raise typer.Exit(1) from error


def _paste(error: UnwritableError, remedy: str) -> None:
    _tell(f"{_NAME}: {error}. Where it comes from, {remedy}:\n{error.edit.lines}")


@contextmanager
def _complaints(directory: Path) -> Iterator[None]:
    with mistakes_shown(directory), ending_with(EditError, name=_NAME):
        yield


def _places(config: Path, rules: Path | None, proxy: str | None) -> tuple[Path, str]:
    """Where the rules are, and the proxy's URL; the file is read if it has to say either."""
    if rules is not None and proxy is not None:
        return rules, _parse_proxy(proxy)
    configured = _configured(config)
    return rules or configured.rules, _parse_proxy(proxy or configured.proxy)


def _configured(config: Path) -> Configured:
    with ending_with(ConfigError, name=_NAME):
        return Configured.by(config)


def _tell(sentence: str) -> None:
    """On stderr: stdout is for a token, or for JSON."""
    typer.echo(sentence, err=True)


def _parse_proxy(text: str) -> str:
    try:
        return parse_proxy(text)
    except ValueError as error:
        raise typer.BadParameter("--proxy: expected http://HOST:PORT") from error


def _parse_grace(text: str) -> timedelta:
    read = _GRACE.fullmatch(text)
    if read is None:
        raise typer.BadParameter("--grace: expected a time like 12h, 7d or 2w, or 0")
    unit = _UNITS.get(read["unit"] or "", "seconds")
    grace = timedelta(**{unit: int(read["number"] or 0)})
    if grace > _LONGEST_GRACE:
        raise typer.BadParameter("--grace: expected a year at most")
    return grace
