"""Proxies of a test or of a module: each in a fresh directory, all ended and looked at.

Knows what no log may ever contain. Must not know what a test expects.
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

from metahub.demo.bench import TABLE
from tests.e2e.machine.site import THIS_MACHINE, Site
from tests.e2e.proxies.proxy import Proxy, metahub_in
from tests.e2e.proxies.rules import Rules, login_of
from tests.e2e.upstreams.registry import LOGIN
from tests.e2e.upstreams.trust import Trust

# A user's password is its name, and names may be logged: only the header gives it away.
LOGINS = (LOGIN, *map(login_of, TABLE))
SECRETS = (LOGIN.password, *(login.header.removeprefix("Basic ") for login in LOGINS))


class Serve(Protocol):
    """Starts `metahub serve` with these rules, and these options in its config.yaml."""

    def __call__(self, rules: Rules, **options: object) -> Proxy:
        """A proxy that answers."""


@contextmanager
def proxies(
    place: Path, trust: Trust, site: Site = THIS_MACHINE, words: Sequence[str] = ()
) -> Iterator[Serve]:
    """Start proxies below a place; a crash or a secret in a log is a failure of the test.

    `words` are said to `metahub serve`: `--web`.
    """
    with ExitStack() as ends:

        def serve(rules: Rules, **options: object) -> Proxy:
            directory = Path(tempfile.mkdtemp(prefix="proxy-", dir=place))
            proxy = metahub_in(directory, trust, site, **options)
            proxy.command = (*proxy.command, *words)
            proxy.rule(rules)
            ends.callback(_look_at, proxy)
            ends.callback(proxy.stop)
            proxy.start()
            return proxy

        yield serve


def _look_at(proxy: Proxy) -> None:
    said = proxy.said()
    assert "Traceback" not in said, said
    assert not [secret for secret in SECRETS if secret in said]
