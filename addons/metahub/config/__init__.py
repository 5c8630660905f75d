"""What config.yaml says. Must not know mitmproxy, which takes half a second to import."""

from metahub.config.options import (
    ANSWER_SECONDS,
    DECISION_LOG,
    EXEMPT_AGENTS,
    HOSTS,
    KEEP_BODY_BYTES,
    KEEP_DECISIONS,
    KEEP_FLOWS,
    MISSING_SECONDS,
    ON_ERROR,
    OPTIONS,
    PREFIX,
    RULES,
    STORE,
    DecisionLines,
    OnError,
)
from metahub.config.reader import CONFIG, ConfigError, complaint, read_config

__all__ = [
    "ANSWER_SECONDS",
    "CONFIG",
    "DECISION_LOG",
    "EXEMPT_AGENTS",
    "HOSTS",
    "KEEP_BODY_BYTES",
    "KEEP_DECISIONS",
    "KEEP_FLOWS",
    "MISSING_SECONDS",
    "ON_ERROR",
    "OPTIONS",
    "PREFIX",
    "RULES",
    "STORE",
    "ConfigError",
    "DecisionLines",
    "OnError",
    "complaint",
    "read_config",
]
