"""mitmproxy's confdir: the CA that signs, perhaps the next one beside it, and what nodes trust.

Knows which file is what, and in which order they change. Must not know why a CA is made.
"""

import errno
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from metahub import whole_file
from metahub.node.authority.authority import (
    BUNDLE,
    CHAIN,
    Authority,
    AuthorityError,
    NoAuthorityError,
    pem_of,
    read_certificates,
    unreadable,
)
from metahub.node.authority.pair import SigningPair
from metahub.node.authority.pem import EncryptedKeyError, pair_in

KEY = "mitmproxy-ca.pem"
"""What signs: mitmproxy's name. The key is the truth, and what nodes trust follows from it."""
NEXT = "mitmproxy-ca-next.pem"
"""Ours: what is to sign when the nodes trust it."""

# mitmproxy's own, for Windows and Android; they are the CA's that it made itself.
_OTHERS = ("mitmproxy-ca.p12", "mitmproxy-ca-cert.p12", "mitmproxy-ca-cert.cer")
_EVERY = (KEY, BUNDLE, CHAIN, NEXT, *_OTHERS)
_SECRET, _PUBLIC = 0o600, 0o644

_REPLACE = "restore it from a backup, or make another CA with `metahub ca create --replace`"
_WRITE_ANEW = "remove it, and `metahub serve` writes it anew"
_BEGIN_ROTATION = "`metahub ca rotate` makes the next CA beside it"
_END_ROTATION = "`metahub ca rotate --finish` ends it, `metahub ca rotate --cancel` gives it up"

_FREE = "free some space on its disk, and do it again"
_REMEDIES: Mapping[int | None, str] = {
    errno.ENOSPC: _FREE,
    errno.EDQUOT: _FREE,
    errno.EROFS: "change the CA where it comes from, or let the directory be written to",
}


@dataclass(frozen=True, slots=True)
class Confdir:
    """A directory with a CA in it, or with none yet. What changes it raises AuthorityError."""

    path: Path
    passphrase: bytes | None = None
    """That of an encrypted key: mitmproxy's option `cert_passphrase`."""

    @property
    def key(self) -> Path:
        """The file with the key that signs."""
        return self.path / KEY

    @property
    def bundle(self) -> Path:
        """The file with all that a node has to trust."""
        return self.path / BUNDLE

    @property
    def next(self) -> Path:
        """The file with the key that is to sign; not there unless a rotation is under way."""
        return self.path / NEXT

    def is_empty(self) -> bool:
        """True if there is no CA yet, not even a part of one."""
        with _in_a_sentence(self.path):
            return not any(file.exists() for file in (self.key, self.bundle, self.next))

    def pair(self) -> SigningPair:
        """What signs. Raises NoAuthorityError, and AuthorityError for what mitmproxy cannot use."""
        return _read_pair(self.key, self.passphrase)

    def authority(self) -> Authority:
        """What nodes trust, which the key fits. Raises AuthorityError where it does not."""
        pair = self.pair()
        if not self.bundle.exists():
            hint = "`metahub serve` writes it anew"
            raise AuthorityError(f"{self.bundle} is not there beside {self.key.name}: {hint}")
        trusted = read_certificates(self.bundle, _WRITE_ANEW)
        anchors = [link for link in reversed(pair.chain) if link in trusted]
        if not anchors:
            wrong = f"is not of the CA in {self.key.name}"
            raise AuthorityError(f"{self.bundle} {wrong}: {_WRITE_ANEW}")
        rest = (one for one in trusted if one != anchors[0])
        return Authority((anchors[0], *rest), pair.chain)

    def doubts(self) -> Iterator[str]:
        """A sentence for each key that others may read."""
        for file in filter(_is_open, (self.key, self.next)):
            yield f"{file} can be read by others than its owner: chmod 600 {file}"

    def ready(self, make: Callable[[], SigningPair]) -> Authority:
        """The CA that is there, or else the one that is made now; of two makers one wins."""
        with _in_a_sentence(self.path):
            # In this order: another one that starts writes the key first.
            if not self.key.exists() and self.bundle.exists() and not self.key.exists():
                raise AuthorityError(f"{self.bundle} is there without {self.key.name}: {_REPLACE}")
            if not self.key.exists():
                self._put_first(make())
            if not self.bundle.exists():
                self._publish()
            return self.authority()

    def put(self, pair: SigningPair) -> None:
        """Have a CA sign where there is none, not even a part of one."""
        if not self.is_empty() or not self._put_first(pair):
            hint = "--replace puts another in its place, and keeps it"
            raise AuthorityError(f"{self.path}: there is a CA: {hint}")
        self._publish()

    def replace(self, pair: SigningPair, now: datetime) -> Path:
        """Have another CA sign in the place of all that is there; where that is kept now."""
        with _in_a_sentence(self.path):
            kept = self._keep(now, *_EVERY)
            whole_file.write(self.key, pair.pem, _SECRET)
            for name in (NEXT, *_OTHERS):
                (self.path / name).unlink(missing_ok=True)
            self._publish()
        return kept

    def begin(self, pair: SigningPair) -> None:
        """Have nodes trust the next CA too; the one that is there keeps signing."""
        self.authority()
        with _in_a_sentence(self.path):
            if not whole_file.write_first(self.next, pair.pem, _SECRET):
                self._publish()
                raise AuthorityError(f"{self.next}: a rotation is under way: {_END_ROTATION}")
            self._publish()

    def finish(self, now: datetime) -> Path:
        """Have the next CA sign, and nodes trust it alone; where the one before is kept."""
        self._refuse_without_rotation()
        _read_pair(self.next, self.passphrase)
        with _in_a_sentence(self.path):
            kept = self._keep(now, KEY, BUNDLE, CHAIN)
            self.next.replace(self.key)
            self._publish()
        return kept

    def cancel(self) -> None:
        """Forget the next CA, which has signed nothing."""
        self._refuse_without_rotation()
        with _in_a_sentence(self.path):
            self.next.unlink()
            self._publish()

    def _refuse_without_rotation(self) -> None:
        with _in_a_sentence(self.path):
            if self.next.exists():
                return
            self._publish()  # where a rotation was cut off after its last step but this
        raise AuthorityError(f"{self.path}: no rotation is under way: {_BEGIN_ROTATION}")

    def _put_first(self, pair: SigningPair) -> bool:
        with _in_a_sentence(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            return whole_file.write_first(self.key, pair.pem, _SECRET)

    def _publish(self) -> None:
        """Have nodes trust what the keys say."""
        pair = self.pair()
        following = _read_pair(self.next, self.passphrase).chain[-1:] if self.next.exists() else ()
        trusted = b"".join(map(pem_of, (pair.chain[-1], *following)))
        whole_file.write(self.bundle, trusted, _PUBLIC)
        chain = self.path / CHAIN
        if len(pair.chain) > 1:
            whole_file.write(chain, b"".join(map(pem_of, pair.chain)), _PUBLIC)
        else:
            chain.unlink(missing_ok=True)

    def _keep(self, now: datetime, *names: str) -> Path:
        there = [file for name in names if (file := self.path / name).exists()]
        return whole_file.copy_away(there, f"replaced-{now:%F}-")


def _read_pair(file: Path, passphrase: bytes | None) -> SigningPair:
    try:
        return pair_in(file.read_bytes(), passphrase)
    except FileNotFoundError as error:
        raise NoAuthorityError(f"{file} is not there: `metahub ca create` makes a CA") from error
    except OSError as error:
        raise unreadable(file, error) from error
    except EncryptedKeyError as error:
        raise AuthorityError(f"{file}: {error}: set cert_passphrase in config.yaml") from error
    except ValueError as error:
        raise AuthorityError(f"{file}: {error}: {_REPLACE}") from error


def _is_open(file: Path) -> bool:
    try:
        return bool(file.stat().st_mode & 0o077)
    except OSError:  # it is not there, or what is wrong is said by who reads it
        return False


@contextmanager
def _in_a_sentence(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        remedy = _REMEDIES.get(error.errno, "let whoever runs MetaHub own it")
        raise AuthorityError(f"{directory} cannot be used ({error.strerror}): {remedy}") from error
