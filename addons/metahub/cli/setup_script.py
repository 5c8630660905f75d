"""The script of a runtime, as the proxy serves it, made without the proxy.

Knows where a script's values come from. Must not know what is in it.
"""

import socket
from pathlib import Path

import typer

from metahub.cli.ending import ending_with
from metahub.cli.rules_read import rules_in
from metahub.node.authority import AuthorityError, pem_of, read_authority
from metahub.node.setup import setup_script

# What mitmproxy and MetaHub take where config.yaml says nothing.
_DEFAULTS = {"confdir": "~/.mitmproxy", "listen_port": 8080, "metahub_rules": "metahub_rules"}


def script_of(runtime: str, proxy: str | None, config: Path) -> str:
    """The script itself. Ends the command where it cannot be made."""
    # mitmproxy takes half a second to import, which the list has no need of.
    from metahub.proxy.config import ConfigError, read_config  # noqa: PLC0415

    with ending_with(AuthorityError, ConfigError):
        options = _DEFAULTS | read_config(config)
        authority = read_authority(Path(str(options["confdir"])).expanduser())
    rules = rules_in(Path(str(options["metahub_rules"])))
    where = proxy or f"http://{socket.gethostname()}:{options['listen_port']}"
    certificates = [pem_of(certificate) for certificate in authority.certificates]
    try:
        return setup_script(runtime, where, certificates, [one.name for one in rules.registries])
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
