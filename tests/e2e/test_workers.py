"""`metahub serve` with two workers: a service that outlives each of them, and none outlives it."""

import json
import os
import re
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from metahub.demo.address import LOOPBACK, Login
from tests.e2e.asking.wire import Answer, Wire
from tests.e2e.machine.running import Running, bare_environment, eventually, start
from tests.e2e.proxies.proxy import PACKAGES, Proxy
from tests.e2e.proxies.rules import TYPE1, TYPE2, login_of, table
from tests.e2e.proxies.serve import Serve
from tests.e2e.upstreams.odd_registry import OddRegistry, Reply

BLOB = "/v2/qnib/bench/blobs/sha256:" + "0" * 64
FIFTY_MEGABYTES = bytes(50_000_000)
READ_AT_ONCE = 1_000_000

NODE1, NODE2 = "127.0.0.11", "127.0.0.12"


def rules_of(odd: OddRegistry) -> dict[str, object]:
    """The table, and two nodes that are known by their addresses."""
    rules = table(odd.address)
    nodes = ((NODE1, TYPE1), (NODE2, TYPE2))
    rules["clients"] += [
        {"network": f"{address}/32", "machine_type": user.machine_type} for address, user in nodes
    ]
    return rules


def started(serve: Serve, odd: OddRegistry, **options: object) -> Proxy:
    """A proxy with two workers, both of which listen."""
    proxy = serve(rules_of(odd), metahub_workers=2, **options)
    assert eventually(lambda: "more at" in proxy.said()), proxy.said()
    return proxy


def running(proxy: Proxy) -> Running:
    """Its program."""
    assert proxy.running
    return proxy.running


def parent_of(proxy: Proxy) -> int:
    """The process that has the workers, below whatever a test puts around it."""
    pid = running(proxy).process.pid
    while "metahub" not in Path(f"/proc/{pid}/cmdline").read_text().split("\0")[1:4]:
        (pid,) = children(pid)
    return pid


def children(pid: int) -> list[int]:
    """Of one process, as the kernel knows them."""
    return sorted(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def asked(proxy: Proxy, path: str, source: str = LOOPBACK) -> Answer:
    """What the proxy itself answers, over a new connection: whichever worker gets it."""
    return Wire(proxy.address, proxy.authority, source=source).ask("GET", path)


def measured(proxy: Proxy, name: str) -> float:
    """The sum of a metric's series, of all workers."""
    text = asked(proxy, "/metrics").body.decode()
    return sum(map(float, re.findall(rf"^{name}(?:{{.*}})? (.+)$", text, re.MULTILINE)))


@pytest.fixture(scope="module")
def proxy(serve_all: Serve, odd: OddRegistry) -> Proxy:
    """Tests replace its workers, and it stays."""
    return started(serve_all, odd)


def test_it_greets_once(proxy: Proxy) -> None:
    """And what is doubtful of the rules is said once, too."""
    said = proxy.said()
    assert said.count("is listening on") == 1
    assert said.count("archspec knows no CPU 'coffelake'") == 1
    assert len(children(parent_of(proxy))) == 2


def test_each_worker_sees_whom_it_serves(proxy: Proxy) -> None:
    """The address of the node, by which it is known: nothing stands between."""
    for address, user in 10 * [(NODE1, TYPE1), (NODE2, TYPE2)]:
        found = json.loads(asked(proxy, "/whoami", address).body)
        assert (found["address"], found["machine_type"]) == (address, user.machine_type)


def test_the_rules_are_read_when_it_is_told_to(proxy: Proxy) -> None:
    """By each worker; one says so."""
    before = proxy.said().count("rules are in force")
    os.kill(parent_of(proxy), signal.SIGHUP)
    assert eventually(lambda: proxy.said().count("rules are in force") == before + 1)
    assert eventually(lambda: measured(proxy, "metahub_rules_reloads_total") == 1)
    assert proxy.said().count("rules are in force") == before + 1


def _pull(proxy: Proxy, odd: OddRegistry) -> str:
    """What becomes of one request, on a connection of its own."""
    user: Login = login_of(TYPE1)
    try:
        return str(proxy.wire(odd.address, user).ask("GET", BLOB).status)
    except OSError:
        return "cut"


def test_a_killed_worker_is_replaced(proxy: Proxy, odd: OddRegistry) -> None:
    """Whoever it served tries again and is served; what it counted is still counted."""
    odd[BLOB] = Reply(b"a blob")
    first, second = children(parent_of(proxy))
    assert _pull(proxy, odd) == "200"
    logins = measured(proxy, "metahub_authentication_successes_total")
    os.kill(second, signal.SIGKILL)
    outcomes = Counter(_pull(proxy, odd) for _ in range(40))
    assert set(outcomes) <= {"200", "cut"}
    assert outcomes["200"] >= 20
    assert eventually(lambda: measured(proxy, "metahub_workers") == 2)
    assert first in children(parent_of(proxy))
    assert second not in children(parent_of(proxy))
    assert "Worker 1 ended by SIGKILL; another takes its place" in proxy.said()
    counted = measured(proxy, "metahub_authentication_successes_total")
    assert counted >= logins + outcomes["200"]


def test_a_transfer_ends_before_the_proxy_does(serve: Serve, odd: OddRegistry) -> None:
    """Fifty megabytes to a slow reader; no new node is let in meanwhile, and no worker is left."""
    odd[BLOB] = Reply(FIFTY_MEGABYTES)
    proxy = started(serve, odd)
    workers = children(parent_of(proxy))
    with proxy.wire(odd.address, login_of(TYPE1)).asking("GET", BLOB) as connection:
        answer = connection.getresponse()
        read = len(answer.read(READ_AT_ONCE))
        os.kill(parent_of(proxy), signal.SIGTERM)
        assert eventually(lambda: not proxy.site.listens(proxy.address.port))
        while piece := answer.read(READ_AT_ONCE):
            read += len(piece)
            time.sleep(0.01)
    assert read == len(FIFTY_MEGABYTES)
    assert running(proxy).process.wait(20) == 0
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]


def test_workers_end_with_a_killed_parent(serve: Serve, odd: OddRegistry) -> None:
    """A start on the same port finds nobody there."""
    proxy = started(serve, odd)
    workers = children(parent_of(proxy))
    os.kill(parent_of(proxy), signal.SIGKILL)
    assert eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))


def test_two_proxies_do_not_share_a_port(proxy: Proxy, serve: Serve, odd: OddRegistry) -> None:
    """Half of the nodes would be served by the other's rules."""
    again = serve(rules_of(odd))
    again.stop()
    elsewhere = ("--workers", "2", "--set", f"listen_port={proxy.address.port}")
    environment = bare_environment(HOME=str(again.directory), PYTHONPATH=str(PACKAGES))
    refused = start([*again.command, *elsewhere], log=again.log, environment=environment)
    try:
        assert refused.process.wait(20) == 1
    finally:
        refused.kill()
    assert f":{proxy.address.port} cannot be listened on" in refused.said()
