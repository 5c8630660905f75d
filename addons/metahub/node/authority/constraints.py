"""Which names an authority may sign for, whatever becomes of its key: X.509 name constraints.

Knows RFC 5280, section 4.2.1.10. Must not know registries, keys or files.
"""

from collections.abc import Iterable, Iterator
from ipaddress import ip_address, ip_network

from cryptography import x509

type Name = x509.DNSName | x509.IPAddress
type Names = tuple[x509.GeneralName, ...]

# A kind of name of which none is permitted is excluded as a whole, or all of it is open. The kinds
# are those by which a TLS server is known; the family of an address is one, as clients see it.
_ALL_DNS = x509.DNSName("")
_ALL_IPV4, _ALL_IPV6 = (x509.IPAddress(ip_network(every)) for every in ("0.0.0.0/0", "::/0"))


def constraints_for(hosts: Iterable[str]) -> x509.NameConstraints:
    """Permits these DNS names, with all below them, and these addresses; nothing else.

    X.509 knows neither a DNS name without those below it, nor a port.
    """
    permitted = tuple(dict.fromkeys(name for host in hosts for name in _subtrees(host)))
    return x509.NameConstraints(permitted or None, _kinds_without(permitted) or None)


def hosts_permitted(constraints: x509.NameConstraints) -> tuple[str, ...]:
    """The names and addresses of `constraints_for`, in their order; a range as ADDRESS/BITS."""
    return tuple(dict.fromkeys(map(_spelt, constraints.permitted_subtrees or ())))


def permits(constraints: x509.NameConstraints, host: str) -> bool:
    """True if a certificate for the DNS name or the address `host` keeps to them."""
    name = general_name(host)
    alike = [known for known in constraints.permitted_subtrees or () if type(known) is type(name)]
    excluded = constraints.excluded_subtrees or ()
    is_permitted = not alike or any(_covers(subtree, name) for subtree in alike)
    return is_permitted and not any(_covers(subtree, name) for subtree in excluded)


def general_name(host: str) -> Name:
    """How a certificate names a host."""
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _subtrees(host: str) -> Iterator[Name]:
    name = general_name(host)
    if isinstance(name, x509.DNSName):
        yield name
        return
    yield x509.IPAddress(ip_network(host))
    # OpenSSL takes the CN of a certificate without a DNS name for one, if it has dots in it.
    # https://github.com/openssl/openssl/blob/openssl-3.0.0/crypto/x509/v3_ncons.c (cn2dnsid)
    if name.value.version == 4:
        yield x509.DNSName(host)


def _kinds_without(permitted: Names) -> Names:
    versions = {name.value.version for name in permitted if isinstance(name, x509.IPAddress)}
    has_dns = any(isinstance(name, x509.DNSName) for name in permitted)
    kinds = ((has_dns, _ALL_DNS), (4 in versions, _ALL_IPV4), (6 in versions, _ALL_IPV6))
    return tuple(every for is_there, every in kinds if not is_there)


def _spelt(name: x509.GeneralName) -> str:
    return str(name.value).removesuffix("/32").removesuffix("/128")


def _covers(subtree: x509.GeneralName, name: Name) -> bool:
    if isinstance(subtree, x509.IPAddress) and isinstance(name, x509.IPAddress):
        return ip_address(str(name.value)) in ip_network(str(subtree.value))
    if not isinstance(subtree, x509.DNSName) or not isinstance(name, x509.DNSName):
        return False
    above, below = subtree.value.lower(), name.value.lower()
    # A leading dot, which RFC 5280 does not know here, leaves the name itself out everywhere.
    return not above or below == above or below.endswith("." + above.lstrip("."))
