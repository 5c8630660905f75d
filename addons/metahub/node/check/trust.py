"""The step in which a runtime trusts the CA of the proxy.

Knows why a certificate is not believed, and what to do about it. Must not know how one is fetched.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from cryptography import x509
from cryptography.x509.oid import NameOID

from metahub.core.registry import Registry
from metahub.node.authority import extension_of, fingerprint_of, hosts_permitted
from metahub.node.check.anchors import SOURCES, TrustStore, collectors, subjects
from metahub.node.check.daemon import Daemon
from metahub.node.check.node import Node
from metahub.node.check.proxy_url import ProxyUrl
from metahub.node.check.runtime import Runtime
from metahub.node.check.step import Step
from metahub.node.check.way import UntrustedError

TRUST = "CA"

# OpenSSL's codes. https://github.com/openssl/openssl/blob/openssl-3.0.0/include/openssl/x509_vfy.h.in
_NOT_NOW = frozenset({9, 10})
_ISSUER_UNKNOWN = frozenset({2, 7, 18, 19, 20, 21, 30})
_CONSTRAINED = frozenset(range(47, 54))

_ANOTHER = "Make another at the proxy (metahub ca create --replace), and have this node trust it."
_SKEW = timedelta(minutes=5)  # of two clocks, below which neither is called wrong


@dataclass(frozen=True, slots=True)
class Shown:
    """The certificate that came for a registry, and who believes it.

    `by_store` is why the runtime does not, `by_ca` why who trusts the proxy's CA alone does not;
    None for those who do.
    """

    leaf: bytes = field(repr=False)
    by_store: UntrustedError | None
    by_ca: UntrustedError | None

    @property
    def is_foreign(self) -> bool:
        """Whether somebody else than MetaHub made it."""
        return self.by_ca is not None and self.by_ca.code in _ISSUER_UNKNOWN


@dataclass(frozen=True, slots=True)
class Trusting:
    """A runtime of a node, and what it and its proxy say of CAs."""

    node: Node
    runtime: Runtime
    registry: Registry
    url: ProxyUrl
    store: TrustStore
    daemon: Daemon | None
    ca: tuple[bytes, ...] = field(repr=False)
    """What a node has to trust, as the proxy says; empty where it does not say it."""
    date: str | None = None
    """What time it is at the proxy, as HTTP says it; None where it does not."""

    def step(self, shown: Shown) -> Step:
        """Whether the runtime believes what it is shown."""
        if shown.is_foreign:
            return self._unread(shown)
        if shown.by_store is None:
            return self._late() or self._trusted()
        return self._why_not(shown.by_store.code)(shown)

    def _why_not(self, code: int) -> Callable[[Shown], Step]:
        if code in _ISSUER_UNKNOWN:
            return self._unknown
        if code in _CONSTRAINED:
            return self._constrained
        return self._at_another_time if code in _NOT_NOW else self._otherwise

    def _trusted(self) -> Step:
        holding = self.store.holding(self.ca)
        if not holding:
            who = f"the certificate that the proxy shows for {self.registry.name}"
            return Step.works(TRUST, f"{self.runtime.name} trusts {who}.")
        return Step.works(
            TRUST,
            f"{self.runtime.name} trusts the CA of the proxy: {holding[0].file} has it"
            f" ({self._fingerprint}).",
        )

    def _late(self) -> Step | None:
        """A daemon reads the files of the system once."""
        holding, daemon = self.store.holding(self.ca), self.daemon
        if daemon is None or any(one.is_there_for(daemon.started) for one in holding):
            return None
        if not holding:
            return None
        first = min(holding, key=lambda anchors: anchors.changed)
        return Step.failed(
            TRUST,
            f"{first.file} has the CA of the proxy since {_time(first.changed)}, but {daemon}"
            f" runs since {_time(daemon.started)}, and reads that file once.",
            f"Restart it: {self.runtime.restart(self.node)}",
        )

    def _unread(self, shown: Shown) -> Step:
        """Somebody else's certificate came: MetaHub leaves alone what is no registry for it."""
        name = self.registry.name
        trusted = "" if shown.by_store is None else f", and {self.runtime.name} does not trust it"
        return Step.failed(
            TRUST,
            f"{name} shows a certificate of {_issuer(shown.leaf)}, and none of MetaHub's{trusted}:"
            " it is tunnelled unread, since the rules do not list it.",
            f"Add {name} to `registries` of MetaHub's rules, or name another with --registry.",
        )

    def _unknown(self, shown: Shown) -> Step:
        who = "the CA of the proxy"
        if not self.ca:
            who = f"whoever signs for the proxy, {_issuer(shown.leaf)}"
        fingerprint = f" ({self._fingerprint})" if self.ca else ""
        return Step.failed(
            TRUST,
            f"{self.runtime.name} does not trust {who}: {self._what_is_there}{fingerprint}.",
            self._collect or self._install,
        )

    @property
    def _what_is_there(self) -> str:
        waiting = next(collectors(self.node.root, self.ca), None)
        if waiting:
            return f"it lies in {waiting[0]}, but {self.store.bundle} does not have it yet"
        other = self._namesake()
        if other:
            return f"{other} has another one of that name"
        return f"{self.store.bundle} does not have it"

    @property
    def _collect(self) -> str | None:
        waiting = next(collectors(self.node.root, self.ca), None)
        return f"Run it in: {waiting[1]}{self._and_restart}" if waiting else None

    @property
    def _install(self) -> str:
        directory, program = next(
            ((place, run) for place, run in SOURCES.items() if self.node.root.has(place)),
            next(iter(SOURCES.items())),
        )
        file = f"{directory}/metahub.crt"
        return (
            f"Install it: curl -fsS -o {file} {self.url.url}/ca.crt && {program}{self._and_restart}"
        )

    def _namesake(self) -> str | None:
        """The file of another CA with the name of the proxy's, as one that was replaced."""
        ours = subjects(self.ca)
        others = (one.file for one in self.store.anchors if ours & subjects(one.certificates))
        return next(others, None)

    def _constrained(self, _: Shown) -> Step:
        allowed = permitted(self.ca)
        only = f": it is for {', '.join(allowed)} only" if allowed else ""
        return Step.failed(
            TRUST,
            f"The CA of the proxy may not sign for {self.registry.api[0]}{only}.",
            _ANOTHER,
        )

    def _at_another_time(self, shown: Shown) -> Step:
        """What is not valid now: one of two clocks is wrong, or it is over."""
        leaf = x509.load_der_x509_certificate(shown.leaf)
        off = self._skew
        if off is not None and abs(off) > _SKEW:
            return Step.failed(
                TRUST,
                f"The clock of this node is {_span(off)} that of the proxy, so that what the proxy"
                f" shows for {self.registry.name} is not valid.",
                "Set the clock: timedatectl set-ntp true",
            )
        if leaf.not_valid_before_utc > self._now:
            return Step.failed(
                TRUST,
                f"What the proxy shows for {self.registry.name} is valid from"
                f" {_time(leaf.not_valid_before_utc.timestamp())} on, and here it is"
                f" {_time(self.node.now)}.",
                "Set the clock of this node, or that of the proxy.",
            )
        return self._expired(leaf)

    def _expired(self, leaf: x509.Certificate) -> Step:
        read = map(x509.load_der_x509_certificate, self.ca)
        ends = [one.not_valid_after_utc for one in read if one.not_valid_after_utc < self._now]
        if ends:
            return Step.failed(
                TRUST,
                f"The CA of the proxy expired on {min(ends):%Y-%m-%d}.",
                _ANOTHER,
            )
        return Step.failed(
            TRUST,
            f"What the proxy shows for {self.registry.name} expired on"
            f" {leaf.not_valid_after_utc:%Y-%m-%d}.",
            "Restart MetaHub, which makes it anew.",
        )

    def _otherwise(self, shown: Shown) -> Step:
        host, port = self.registry.api
        return Step.failed(
            TRUST,
            f"{self.runtime.name} does not believe what the proxy shows for {host}:"
            f" {shown.by_store}.",
            f"Look at it: openssl s_client -proxy {self.url.place} -connect {host}:{port}",
        )

    @property
    def _fingerprint(self) -> str:
        return f"SHA-256 {fingerprint_of(x509.load_der_x509_certificate(self.ca[0]))}"

    @property
    def _and_restart(self) -> str:
        return f" && {self.runtime.restart(self.node)}" if self.runtime.units else ""

    @property
    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.node.now, UTC)

    @property
    def _skew(self) -> timedelta | None:
        """How far the clock of this node is ahead of that of the proxy."""
        try:
            return self._now - parsedate_to_datetime(self.date) if self.date else None
        except (TypeError, ValueError):
            return None


def permitted(ca: Iterable[bytes]) -> list[str]:
    """The hosts for which these CAs may sign; none where they may for all."""
    return [host for der in ca for host in _permitted(x509.load_der_x509_certificate(der))]


def _permitted(certificate: x509.Certificate) -> tuple[str, ...]:
    constraints = extension_of(certificate, x509.NameConstraints)
    return hosts_permitted(constraints) if constraints else ()


def _issuer(der: bytes) -> str:
    issuer = x509.load_der_x509_certificate(der).issuer
    names = issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
    return repr(str(names[0].value)) if names else issuer.rfc4514_string() or "nobody"


def _time(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _span(ahead: timedelta) -> str:
    minutes = round(abs(ahead) / timedelta(minutes=1))
    days = round(minutes / (24 * 60))
    length = f"{days} days" if days > 1 else f"{minutes} minutes"
    return f"{length} {'ahead of' if ahead > timedelta(0) else 'behind'}"
