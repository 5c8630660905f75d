"""The CA that signs what nodes see of registries: made, kept, read and doubted.

Knows X.509 and mitmproxy's files of a CA. Must not know who signs with it.
"""

from metahub.node.authority.authority import (
    BUNDLE,
    CHAIN,
    Authority,
    AuthorityError,
    NoAuthorityError,
    extension_of,
    fingerprint_of,
    pem_of,
    read_authority,
)
from metahub.node.authority.confdir import Confdir
from metahub.node.authority.constraints import constraints_for, hosts_permitted
from metahub.node.authority.doubts import doubts_of
from metahub.node.authority.making import new_pair, own_hosts, parse_host
from metahub.node.authority.pair import SigningPair
from metahub.node.authority.pem import EncryptedKeyError, pair_among

__all__ = [
    "BUNDLE",
    "CHAIN",
    "Authority",
    "AuthorityError",
    "Confdir",
    "EncryptedKeyError",
    "NoAuthorityError",
    "SigningPair",
    "constraints_for",
    "doubts_of",
    "extension_of",
    "fingerprint_of",
    "hosts_permitted",
    "new_pair",
    "own_hosts",
    "pair_among",
    "parse_host",
    "pem_of",
    "read_authority",
]
