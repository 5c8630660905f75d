"""The proxy in the process, and its upstream, as the tests of the proxy have them."""

from tests.proxy.conftest import odd, place, serve, trust

__all__ = ["odd", "place", "serve", "trust"]
