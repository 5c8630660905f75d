"""mitmproxy's modes, by what a client knows of the proxy in them.

Knows modes. Must not know who a client is.
"""

from mitmproxy import connection
from mitmproxy.proxy import mode_specs

# Modes in which the client knows that it speaks with a proxy, and may give it credentials.
_EXPLICIT = (mode_specs.RegularMode, mode_specs.UpstreamMode)

# Modes in which the client believes that it speaks with the registry itself.
_REDIRECTED = (
    mode_specs.TransparentMode,
    mode_specs.WireGuardMode,
    mode_specs.LocalMode,
    mode_specs.TunMode,
)

# Modes in which a client is connected with any host, without a request that could be refused.
_WORDLESS = (*_REDIRECTED, mode_specs.Socks5Mode)


def is_proxy(mode: mode_specs.ProxyMode) -> bool:
    """True where clients ask for a proxy in so many words."""
    return isinstance(mode, _EXPLICIT)


def is_explicit(client: connection.Client) -> bool:
    """True for a client that knows of the proxy."""
    return is_proxy(client.proxy_mode)


def is_redirected(client: connection.Client) -> bool:
    """True for one that knows nothing of it."""
    return isinstance(client.proxy_mode, _REDIRECTED)


def is_wordless(client: connection.Client) -> bool:
    """True for one that is connected with whatever host it wants before it asks for anything."""
    return isinstance(client.proxy_mode, _WORDLESS)


def is_resolved_elsewhere(client: connection.Client) -> bool:
    """True for one whose names are not resolved here, but by the next proxy."""
    return isinstance(client.proxy_mode, mode_specs.UpstreamMode)


def is_of_the_mode(mode: mode_specs.ProxyMode, address: tuple[str, int]) -> bool:
    """True for the next proxy, and for what is mirrored: an operator named it, not a client."""
    if not isinstance(mode, mode_specs.UpstreamMode | mode_specs.ReverseMode):
        return False
    return mode.address[:2] == address[:2]
