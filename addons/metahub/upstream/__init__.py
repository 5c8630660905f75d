"""A registry, asked by whoever is logged in on this machine: the proxy asks in its clients' name.

Knows docker's ways of naming, logging in and asking. Must not know what is done with a manifest.
"""

from metahub.upstream.auth_file import AuthFiles
from metahub.upstream.image_reference import ImageReference
from metahub.upstream.upstream import Manifest, Upstream
from metahub.upstream.upstream_error import UpstreamError
from metahub.upstream.wire import Route

__all__ = ["AuthFiles", "ImageReference", "Manifest", "Route", "Upstream", "UpstreamError"]
