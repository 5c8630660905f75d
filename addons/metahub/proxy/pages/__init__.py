"""What the proxy says of itself: who asks it, the CA, how nodes are set up, whether it works."""

from metahub.proxy.pages.addon import Pages
from metahub.proxy.pages.probes import Readiness
from metahub.proxy.pages.status import Status

__all__ = ["Pages", "Readiness", "Status"]
