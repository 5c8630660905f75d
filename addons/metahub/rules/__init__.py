"""YAML -> one frozen Rules value.

Knows schema, reader, watcher and writer. Must not know who goes by the rules.
"""

from metahub.rules.edit import Edit, EditError, RulesText, Users
from metahub.rules.mistake import MAX_SHOWN, Mistake, RulesError, RulesWarning, untold
from metahub.rules.password_hash import PasswordHash
from metahub.rules.reader import read_rules
from metahub.rules.rules import Rules, UnknownClients, UnknownDestinations
from metahub.rules.watcher import RulesWatcher
from metahub.rules.writer import UnwritableError, edit_rules

__all__ = [
    "MAX_SHOWN",
    "Edit",
    "EditError",
    "Mistake",
    "PasswordHash",
    "Rules",
    "RulesError",
    "RulesText",
    "RulesWarning",
    "RulesWatcher",
    "UnknownClients",
    "UnknownDestinations",
    "UnwritableError",
    "Users",
    "edit_rules",
    "read_rules",
    "untold",
]
