"""What config.yaml says. Must not know mitmproxy, which takes half a second to import."""

from metahub.config.options import (
    ANSWER_SECONDS,
    EXEMPT_AGENTS,
    HOSTS,
    MISSING_SECONDS,
    ON_ERROR,
    OPTIONS,
    PREFIX,
    RULES,
    STORE,
    OnError,
)
from metahub.config.reader import CONFIG, ConfigError, complaint, read_config

__all__ = [
    "ANSWER_SECONDS",
    "CONFIG",
    "EXEMPT_AGENTS",
    "HOSTS",
    "MISSING_SECONDS",
    "ON_ERROR",
    "OPTIONS",
    "PREFIX",
    "RULES",
    "STORE",
    "ConfigError",
    "OnError",
    "complaint",
    "read_config",
]
