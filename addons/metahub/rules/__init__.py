"""YAML -> one frozen Rules value.

Knows schema, reader and watcher. Must not know who goes by the rules.
"""

from metahub.rules.mistake import MAX_SHOWN, Mistake, RulesError, RulesWarning, untold
from metahub.rules.password_hash import PasswordHash
from metahub.rules.reader import read_rules
from metahub.rules.rules import Rules, UnknownClients
from metahub.rules.watcher import RulesWatcher

__all__ = [
    "MAX_SHOWN",
    "Mistake",
    "PasswordHash",
    "Rules",
    "RulesError",
    "RulesWarning",
    "RulesWatcher",
    "UnknownClients",
    "read_rules",
    "untold",
]
