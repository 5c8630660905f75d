"""nginx before a docker-registry: what real registries do and docker-registry alone does not.

Knows nginx's configuration and how each front differs. Must not know who asks.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from metahub.demo.address import LOOPBACK, Address, free_ports
from tests.e2e.machine.running import Running, accepts, bare_environment, start, wait_until
from tests.e2e.upstreams.registry import Registry
from tests.e2e.upstreams.trust import CDN, HOST, Trust

# What docker.io says beside a manifest: https://docs.docker.com/docker-hub/usage/pulls/
QUOTA = {
    "ratelimit-limit": "100;w=21600",
    "ratelimit-remaining": "99;w=21600",
    "docker-ratelimit-source": "192.0.2.1",
}
WARNINGS = ('299 - "this image moves"', '299 - "and soon"')

COUNTING = "rate-limited"
"""The front whose accesses tell how often a manifest was asked for, by HEAD and by GET."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How a front differs: words for nginx, as a server and where it serves manifests or blobs."""

    listen: str = "ssl"
    manifests: str = ""
    blobs: str = ""
    server: str = ""
    backend: str | None = None
    """Where it asks, if not the registry."""


KINDS = {
    "redirect": Kind(
        blobs="if ($request_method = GET) { return 307 $cdn$request_uri; }",
    ),
    "no-digest": Kind(
        manifests="""
            proxy_hide_header Docker-Content-Digest;
            add_header Docker-Content-Digest $digest_unless_head always;""",
    ),
    "no-head": Kind(
        manifests="if ($request_method = HEAD) { return 405; }",
    ),
    "gzip": Kind(
        manifests="gzip on; gzip_proxied any; gzip_types *; gzip_min_length 1; gzip_vary on;",
        server="listen unix:gzip.sock;",
    ),
    # It asks the one before for what that does only when it is asked.
    "gzip-always": Kind(
        manifests="proxy_set_header Accept-Encoding gzip;",
        backend="unix:gzip.sock:",
    ),
    "http2": Kind(listen="ssl http2"),
    COUNTING: Kind(
        manifests="\n".join(
            f"add_header {name} '{value}' always;"
            for name, value in (*QUOTA.items(), *(("Warning", text) for text in WARNINGS))
        ),
    ),
}

# One process that stays what it was started as: without a master there is no other user.
CONFIGURATION = """
daemon off;
master_process off;
pid nginx.pid;
error_log stderr warn;
events {{ worker_connections 256; }}
http {{
    client_body_temp_path bodies;
    proxy_temp_path replies;
    fastcgi_temp_path fastcgi;
    scgi_temp_path scgi;
    uwsgi_temp_path uwsgi;

    ssl_certificate {certificate};
    ssl_certificate_key {key};
    client_max_body_size 0;

    map $request_method $digest_unless_head {{
        default $upstream_http_docker_content_digest;
        HEAD "";
    }}
    map "" $cdn {{ default {cdn}; }}
    {servers}
}}
"""

# docker-registry writes its own name into Location: it has to know what clients call it.
# nginx takes proxy_set_header from outside only where there is none inside.
SERVER = """
    server {{
        listen {loopback}:{port} {listen};
        access_log {name}.log combined;
        {server}
        proxy_http_version 1.1;
        location / {{ {proxied} }}
        location ~ ^/v2/.+/manifests/ {{ {manifests} {proxied} }}
        location ~ ^/v2/.+/blobs/sha256: {{ {blobs} proxy_buffering off; {proxied} }}
    }}
"""
PROXIED = """
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-Proto https;
            proxy_set_header Connection "";
            proxy_request_buffering off;
            proxy_pass http://{backend};
"""


@dataclass(frozen=True, slots=True)
class Front:
    """A running nginx. Each kind is a registry of its own name and log, with the same images."""

    registries: Mapping[str, Registry]

    def __getitem__(self, kind: str) -> Registry:
        """The registry as this kind of front shows it; its accesses are those of the front."""
        return self.registries[kind]

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Of all that the rules may name: the other host that blobs are fetched from is not."""
        return tuple(self.registries[kind].address for kind in KINDS)

    @property
    def cdn(self) -> Registry:
        """The other host that `redirect` sends clients to for a blob."""
        return self.registries[CDN]


@contextmanager
def before(backend: Registry, directory: Path) -> Iterator[Front]:
    """All kinds of fronts, before a registry that speaks plain HTTP and asks for no login."""
    *ports, elsewhere = free_ports(len(KINDS) + 1)
    addresses = {kind: Address(HOST, port) for kind, port in zip(KINDS, ports, strict=True)}
    addresses[CDN] = Address(CDN, elsewhere)
    file = directory / "nginx.conf"
    file.write_text(_configuration(backend.trust, backend.address, addresses))
    command = ["nginx", "-p", str(directory), "-c", str(file), "-e", "stderr"]
    log = directory / "nginx.log"
    running = start(command, log=log, environment=bare_environment(), directory=directory)
    try:
        wait_until(lambda: all(accepts(there.port) for there in addresses.values()), running)
        yield Front(_registries(backend, running, addresses, directory))
    finally:
        running.stop()


def _registries(
    backend: Registry, running: Running, addresses: Mapping[str, Address], directory: Path
) -> dict[str, Registry]:
    """Each is the registry behind it, at another address and with the log of the front."""
    return {
        kind: replace(
            backend, address=address, running=replace(running, log=directory / f"{kind}.log")
        )
        for kind, address in addresses.items()
    }


def _configuration(trust: Trust, backend: Address, addresses: Mapping[str, Address]) -> str:
    there = f"{LOOPBACK}:{backend.port}"
    kinds = KINDS | {CDN: Kind()}
    servers = (_server(kinds[name], name, addresses[name].port, there) for name in kinds)
    return CONFIGURATION.format(
        certificate=trust.pair.certificate,
        key=trust.pair.key,
        cdn=addresses[CDN].url,
        servers="".join(servers),
    )


def _server(kind: Kind, name: str, port: int, backend: str) -> str:
    return SERVER.format(
        loopback=LOOPBACK,
        port=port,
        listen=kind.listen,
        name=name,
        server=kind.server,
        manifests=kind.manifests,
        blobs=kind.blobs,
        proxied=PROXIED.format(backend=kind.backend or backend),
    )
