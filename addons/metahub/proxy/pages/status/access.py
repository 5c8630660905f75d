"""Who may see the status: whoever sits at the proxy's own machine, and operators.

Knows addresses, headers and operators' passwords. Must not know what the status is.
"""

from ipaddress import ip_address

from mitmproxy import http

from metahub.core.client import parse_address
from metahub.proxy.logins import FailedLoginError, Logins
from metahub.proxy.pages.page import Asked, Page
from metahub.proxy.pages.proxy_address import MalformedHostError, ProxyAddress
from metahub.proxy.rules_in_force import RulesInForce

# What a proxy before this one says of those whose requests it hands on.
_OF_PROXIES = frozenset({"forwarded", "via", "x-real-ip"})
_OF_PROXIES_TOO = "x-forwarded-"

_LOCALHOST = "localhost"
_HERE = "this machine"

CHALLENGE = {"WWW-Authenticate": 'Basic realm="MetaHub operators", charset="UTF-8"'}
ASKS_FOR_PASSWORD = "MetaHub: give the name and the password of an operator of the rules"
NOBODY = (
    "MetaHub: the status is for who asks http://localhost:{port}/status directly, on the proxy's"
    " own machine, and for operators, of whom the rules name none"
    " (metahub credentials add NAME --operator)"
)


class NoOperatorError(Exception):
    """The status is not for whoever asks; the page says so in one sentence."""

    def __init__(self, page: Page) -> None:
        super().__init__()
        self.page = page


class Access:
    """Lets operators in, with passwords that are no clients' and open nothing else."""

    def __init__(self, rules: RulesInForce, logins: Logins) -> None:
        self._in_force = rules
        self._logins = logins

    async def operator(self, asked: Asked) -> str:
        """A name for who asks. Raises NoOperatorError."""
        if is_at_this_machine(asked):
            return _HERE
        if not self._in_force.now().operator_hashes:
            raise NoOperatorError(Page.text(NOBODY.format(port=asked.peer.sockname[1]), 403))
        if asked.credentials is None:
            raise NoOperatorError(_asking_for_a_password(asked))
        address = parse_address(asked.peer.peername[0])
        try:
            return await self._logins.check(address, asked.credentials)
        except FailedLoginError as error:
            wait = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
            raise NoOperatorError(Page.text(str(error), 401, CHALLENGE | wait)) from error

    def close(self) -> None:
        """Give the hashing threads back."""
        self._logins.close()


def is_at_this_machine(asked: Asked) -> bool:
    """True for who asks the port itself, from this machine, by a name of this machine.

    A proxy on this machine would hand on what anybody asks, and mostly says so. A page of another
    site may lead a browser here, by a name of its own: https://en.wikipedia.org/wiki/DNS_rebinding
    """
    return (
        asked.visit is None
        and parse_address(asked.peer.peername[0]).is_loopback
        and not _is_handed_on(asked.headers)
        and _names_loopback(asked.host)
    )


def _is_handed_on(headers: http.Headers) -> bool:
    names = {name.lower() for name in headers}
    return bool(names & _OF_PROXIES) or any(name.startswith(_OF_PROXIES_TOO) for name in names)


def _names_loopback(written: str) -> bool:
    try:
        host = ProxyAddress.parse(written, 80).host
        return host == _LOCALHOST or ip_address(host).is_loopback
    except (MalformedHostError, ValueError):
        return False


def _asking_for_a_password(asked: Asked) -> Page:
    """A browser gives the password to what is below the path that asks, which is not `/` here."""
    if asked.wants_html and asked.name == "status":
        there = f"/status/{f'?{asked.query}' if asked.query else ''}"
        return Page.text(ASKS_FOR_PASSWORD, 307, {"Location": there})
    return Page.text(ASKS_FOR_PASSWORD, 401, CHALLENGE)
