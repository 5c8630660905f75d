"""MetaHub's own options, made known to mitmproxy.

Knows how mitmproxy is told of an option. Must not know which there are.
"""

from mitmproxy.addonmanager import Loader

from metahub.config import OPTIONS


class Options:
    """The addon that makes the options known, before any other addon asks for them."""

    def load(self, loader: Loader) -> None:
        """Declare each option."""
        for option in OPTIONS:
            loader.add_option(option.name, option.kind, option.default, option.help, option.choices)
