"""A token service: what a registry sends clients to that have to log in.

Knows both ways to ask for a token, and the signature that docker-registry believes. Must not know
what is in the registry.
https://distribution.github.io/distribution/spec/auth/token/ and /oauth/, /jwt/ beside it
"""

import base64
import json
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from metahub.demo.address import Login
from metahub.demo.tls import KeyPair
from metahub.proxy.credentials import parse_credentials
from tests.e2e.upstreams.server import ServerInThread
from tests.e2e.upstreams.trust import AUTH, Trust

PATH = "/token"
PUBLIC, PRIVATE = "qnib/bench", "qnib/private"  # repositories: of everybody, and of one login
FOR_EVERYBODY = f"repository:{PUBLIC}:pull"
SERVICE, ISSUER = "registry of the tests", "token service of the tests"
LIFETIME = 60  # seconds; clients take less for a mistake
NUMBER = 32  # bytes of each of the two numbers of a P-256 signature (RFC 7518, 3.4)


@dataclass(frozen=True, slots=True)
class Bearer(Login):
    """A token, where a login is expected."""

    @property
    def header(self) -> str:
        """The value of `Authorization` (RFC 6750)."""
        return f"Bearer {self.password}"


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """How a token was asked for: by whom ("" for nobody), for what, and with what success.

    `grant` is the grant_type of OAuth2; empty in a GET, which has none.
    """

    method: str
    grant: str
    account: str
    scopes: tuple[str, ...]
    status: int


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request for a token. `login` is None for somebody who shows none."""

    login: Login | None
    scopes: tuple[str, ...]
    grant: str = ""
    refresh: str = ""


class TokenService(ServerInThread):
    """Gives one login everything, and everybody else the right to pull what is public."""

    def __init__(self, trust: Trust, login: Login) -> None:
        """Sign with the key of the registries themselves: their authority vouches for it."""
        super().__init__(trust.pair.server_context(), AUTH)
        self.requests: list[TokenRequest] = []
        self._trust, self._login = trust, login
        self._refresh = secrets.token_urlsafe()

    @property
    def realm(self) -> str:
        """Where clients are sent to."""
        return self.address.url + PATH

    @property
    def configuration(self) -> dict[str, dict[str, str]]:
        """The `auth` of a docker-registry that sends clients here."""
        bundle = str(self._trust.authority)
        return {
            "token": {
                "realm": self.realm,
                "service": SERVICE,
                "issuer": ISSUER,
                "rootcertbundle": bundle,
            }
        }

    def bearer(self, *scopes: str) -> Bearer:
        """A token for the login, without a request."""
        return Bearer(self._login.user, self._token(self._login.user, scopes))

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        asked = await _posted(request) if request.method == "POST" else _got(request)
        account = self._account(asked)
        answer = _unauthorized() if account is None else self._granted(asked, account)
        shown = asked.login.user if asked.login else account or ""
        self.requests.append(
            TokenRequest(request.method, asked.grant, shown, asked.scopes, answer.status)
        )
        return answer

    def _account(self, asked: _Asked) -> str | None:
        """Whose the token will be; None for a wrong login."""
        if asked.refresh:
            return self._login.user if asked.refresh == self._refresh else None
        if asked.login is None:
            return ""
        return asked.login.user if asked.login == self._login else None

    def _granted(self, asked: _Asked, account: str) -> web.Response:
        token = self._token(account, asked.scopes)
        answer = {"access_token": token, "expires_in": LIFETIME}
        if asked.grant:
            return _json(answer | {"scope": " ".join(asked.scopes), "refresh_token": self._refresh})
        return _json(answer | {"token": token})

    def _token(self, account: str, scopes: Iterable[str]) -> str:
        access = [
            _access(scope) for scope in scopes if account or scope == f"repository:{PUBLIC}:pull"
        ]
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "sub": account,
            "aud": SERVICE,
            "iat": now,
            "nbf": now - LIFETIME,
            "exp": now + LIFETIME,
            "jti": secrets.token_hex(),
            "access": access,
        }
        return _signed(claims, self._trust.pair)


def _got(request: web.BaseRequest) -> _Asked:
    """As docker, podman and skopeo ask: Basic, or nothing."""
    header = request.headers.get("Authorization")
    given = parse_credentials(header) if header else None
    login = Login(given.user, given.password) if given else None
    return _Asked(login, _split(request.query.getall("scope", [])))


async def _posted(request: web.BaseRequest) -> _Asked:
    """As containerd asks: a form."""
    form = {name: str(value) for name, value in (await request.post()).items()}
    grant, scopes = form["grant_type"], _split([form.get("scope", "")])
    if grant == "refresh_token":
        return _Asked(None, scopes, grant, form["refresh_token"])
    return _Asked(Login(form["username"], form["password"]), scopes, grant)


def _split(scopes: Iterable[str]) -> tuple[str, ...]:
    """Several may stand in one, and be repeated."""
    return tuple(scope for some in scopes for scope in some.split())


def _access(scope: str) -> dict[str, object]:
    kind, name, actions = scope.split(":")
    return {"type": kind, "name": name, "actions": actions.split(",")}


def _signed(claims: object, pair: KeyPair) -> str:
    """A JSON web token (RFC 7519) with the certificate of the key that signed it."""
    certificate = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
    der = certificate.public_bytes(serialization.Encoding.DER)
    header = {"typ": "JWT", "alg": "ES256", "x5c": [base64.b64encode(der).decode()]}
    signed = f"{_encoded(json.dumps(header).encode())}.{_encoded(json.dumps(claims).encode())}"
    key = serialization.load_pem_private_key(pair.key.read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    numbers = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    signature = b"".join(number.to_bytes(NUMBER, "big") for number in numbers)
    return f"{signed}.{_encoded(signature)}"


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _unauthorized() -> web.Response:
    return _json({"details": "incorrect username or password"}, 401)


def _json(content: object, status: int = 200) -> web.Response:
    return web.json_response(content, status=status)
