"""The script of a runtime, as the proxy serves it, made without the proxy.

Knows where a script's values come from. Must not know what is in it.
"""

from pathlib import Path

import typer

from metahub.cli.configured import Configured
from metahub.cli.ending import ending_with
from metahub.cli.rules_read import rules_in
from metahub.config import ConfigError
from metahub.node.authority import AuthorityError, pem_of, read_authority
from metahub.node.setup import setup_script


def script_of(runtime: str, proxy: str | None, config: Path) -> str:
    """The script itself. Ends the command where it cannot be made."""
    with ending_with(AuthorityError, ConfigError):
        configured = Configured.by(config)
        authority = read_authority(configured.confdir.path)
    rules = rules_in(configured.rules)
    where = proxy or f"http://{configured.proxy}"
    certificates = [pem_of(certificate) for certificate in authority.certificates]
    try:
        return setup_script(runtime, where, certificates, [one.name for one in rules.registries])
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
