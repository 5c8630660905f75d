"""YAML -> one frozen Rules value.

Knows schema, reader and watcher. Must not know who goes by the rules.
"""

from metahub.rules.mistake import Mistake, RulesError
from metahub.rules.reader import read_rules
from metahub.rules.rules import Rules, UnknownClients
from metahub.rules.watcher import RulesWatcher

__all__ = ["Mistake", "Rules", "RulesError", "RulesWatcher", "UnknownClients", "read_rules"]
