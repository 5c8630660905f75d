"""The scripts that set up a node's runtimes.

Knows for which runtimes there is one, and with what it is filled. Must not know what it does.
"""

from difflib import get_close_matches

from metahub.core.distribution import short_name
from metahub.node.authority import pem_of
from metahub.node.setup import RUNTIMES, setup_script
from metahub.proxy.pages.ca import authority
from metahub.proxy.pages.page import Asked, Page
from metahub.proxy.rules_in_force import RulesInForce

_SCRIPT = "text/x-shellscript; charset=utf-8"

NO_PROXY = "Nodes that come this way need no proxy: have them trust the CA, at /ca.crt."


class SetUp:
    """Fills in the scripts: the proxy by the name that the client used, the CA, the registries."""

    def __init__(self, rules: RulesInForce) -> None:
        self._in_force = rules

    async def page(self, asked: Asked) -> Page:
        """The script for one runtime. Raises AuthorityError and MalformedHostError."""
        if asked.name not in RUNTIMES:
            return Page.text(_unknown(asked.name), 404)
        if asked.proxy is None:
            return Page.text(NO_PROXY, 404)
        certificates = [pem_of(certificate) for certificate in authority().certificates]
        registries = [registry.name for registry in self._in_force.now().registries]
        script = setup_script(asked.name, asked.proxy.url, certificates, registries)
        return Page(_SCRIPT, script.encode())


def _unknown(name: str) -> str:
    known = "\n".join(f"  /setup/{runtime}" for runtime in RUNTIMES)
    near = get_close_matches(name, RUNTIMES, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    said = f"There is no set-up for {short_name(name)!r}." if name else "Set up which runtime?"
    return f"{said}{hint} There are:\n{known}"
