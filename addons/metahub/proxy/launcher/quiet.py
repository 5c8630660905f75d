"""mitmproxy where nobody watches: which of its addons are left.

Knows mitmproxy's addons by name, and what each is for. Must not know what MetaHub adds to them.
"""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace

from mitmproxy.addonmanager import Loader
from mitmproxy.addons import default_addons
from mitmproxy.addons.errorcheck import ErrorCheck
from mitmproxy.addons.keepserving import KeepServing
from mitmproxy.addons.readfile import ReadFileStdin
from mitmproxy.master import Master
from mitmproxy.options import Options

NEEDED = {
    "Block": "refuses clients of the internet, unless an option allows them",
    "Core": "sets options",
    "DisableH2C": "takes out what asks for HTTP/2 without TLS",
    "DnsResolver": "answers in the mode of a name server",
    "ErrorCheck": "ends a start that failed",
    "NextLayer": "decides which protocol is spoken",
    "Proxyserver": "listens",
    "StripDnsHttpsRecords": "keeps what a name server says usable",
    "TlsConfig": "signs",
    "UpdateAltSvc": "names a mirror's own port to its clients",
    "UpstreamAuth": "logs in at the next proxy",
}
"""The addons without which a proxy for registries would not do what it does."""


class QuietMaster(Master):
    """A mitmdump that has only these; of the others, the options are known, and mean nothing."""

    def __init__(self, opts: Options) -> None:
        super().__init__(opts, with_termlog=True)
        for addon in _addons():
            if _is_needed(addon):
                self.addons.add(addon)
            else:
                _declare(addon, Loader(self))


def are_enough(config: Mapping[str, object], assignments: Sequence[str]) -> bool:
    """True unless an option is set that wants an addon which is left out.

    Raises what mitmproxy raises of options that cannot be used.
    """
    declared = Options()
    common = frozenset(declared.keys())
    for addon in _addons():
        if not _is_needed(addon):
            _declare(addon, Loader(SimpleNamespace(options=declared)))
    theirs = frozenset(declared.keys()) - common
    declared.update_defer(**config)
    declared.set(*assignments, defer=True)
    given = theirs.intersection([*config, *(one.partition("=")[0] for one in assignments)])
    return not any(getattr(declared, name) for name in given)


def _addons() -> list[object]:
    """mitmdump's, in its order, but the one that prints flows.

    https://github.com/mitmproxy/mitmproxy/blob/v12.2.3/mitmproxy/tools/dump.py#L17-L25
    """
    return [*default_addons(), KeepServing(), ReadFileStdin(), ErrorCheck()]


def _is_needed(addon: object) -> bool:
    return type(addon).__name__ in NEEDED


def _declare(addon: object, loader: Loader) -> None:
    load = getattr(addon, "load", None)
    if load is not None:
        load(loader)
