"""Builds under tags of their own: which tags upstream is asked for, how, and what is answered."""

import time
from collections.abc import Iterable

import pytest

from metahub.core.distribution import OCI_MANIFEST
from metahub.demo.bench import GENERIC, REPOSITORY, TAG, User
from metahub.demo.images import Build, image_of, index_of
from tests.e2e.asking.asker import Asker, entries_of, told
from tests.e2e.asking.wire import Answer
from tests.e2e.proxies.rules import TYPE1, TYPE3, TYPE4, Rules, login_of, table
from tests.e2e.upstreams.odd_registry import OddRegistry, Reply
from tests.proxy.running import ProxyInThread, Serve

GPU, CPU, AMD64 = f"{TAG}-gpu", f"{TAG}-cpu", f"{TAG}-amd64"
pytestmark = pytest.mark.e2e

VARIANTS = [
    {"tag": "{tag}-amd64", "platform": "linux/amd64"},
    {"tag": "{tag}-cpu", "features": ["cpu:broadwell"]},
    {"tag": "{tag}-gpu", "features": ["cpu:broadwell", "nvcap:5.0"]},
    {"tag": "{tag}-arm", "platform": "linux/arm64"},
    {"tag": "{tag}-tpu", "features": ["tpu:4"]},
]
BUILDS = {tag: Build(f">> {tag}") for tag in (TAG, GPU, CPU, AMD64)}


def rules_for(odd: OddRegistry) -> Rules:
    """The table's rules, with variants of every tag; type4 alone is said to be amd64."""
    rules = table(odd.address)
    rules["machine_types"]["type4"]["platform"] = "linux/amd64"
    image = {"match": f"{odd.address}/{REPOSITORY}", "variants": VARIANTS}
    return rules | {"images": [image]}


@pytest.fixture
def proxy(serve: Serve, odd: OddRegistry) -> ProxyInThread:
    """A proxy before the upstream, which has none of the tags yet."""
    return serve(rules_for(odd))


def path_of(reference: object) -> str:
    """Where upstream has a manifest of qnib/bench."""
    return f"/v2/{REPOSITORY}/manifests/{reference}"


def offer(odd: OddRegistry, tags: Iterable[str]) -> None:
    """Let upstream have these tags, each a build of its own without an index."""
    for tag in tags:
        odd.offer(REPOSITORY, tag, image_of(BUILDS[tag]).manifest)


def ask_as(user: User | None, proxy: ProxyInThread, odd: OddRegistry) -> Asker:
    """Ask for qnib/bench as a user of the table, or as nobody."""
    return Asker(proxy.wire(odd.address, login_of(user) if user else None), REPOSITORY)


def asked_of(odd: OddRegistry) -> list[tuple[str, str]]:
    """What upstream was asked, in order: the method, and the tag or digest."""
    return [(asked.method, asked.path.rpartition("/")[2]) for asked in odd.asked]


def is_build(answer: Answer, tag: str) -> bool:
    """Whether the answer is the build that upstream has under this tag."""
    manifest = image_of(BUILDS[tag]).manifest
    expected = (manifest.media_type, len(manifest.content), str(manifest.digest))
    return answer.status == 200 and told(answer) == expected


@pytest.mark.parametrize(
    ("user", "there", "tried"),
    [
        (TYPE4, [TAG, GPU, CPU, AMD64], [GPU]),
        (TYPE4, [TAG, CPU, AMD64], [GPU, CPU]),
        (TYPE4, [TAG, AMD64], [GPU, CPU, AMD64]),
        (TYPE4, [TAG], [GPU, CPU, AMD64, TAG]),
        (TYPE1, [TAG, GPU, CPU, AMD64], [CPU]),
        (TYPE1, [TAG, GPU], [CPU, AMD64, f"{TAG}-arm", TAG]),
        (TYPE3, [TAG, GPU, CPU, AMD64], [AMD64]),
        (TYPE3, [GPU, CPU, AMD64], [AMD64]),
    ],
)
def test_the_best_variant_that_exists_answers(
    user: User, there: list[str], tried: list[str], proxy: ProxyInThread, odd: OddRegistry
) -> None:
    """Those that fit are tried by HEAD, the closest first; one that is there answers the tag."""
    offer(odd, there)
    asker = ask_as(user, proxy, odd)
    answers = tried[-1]
    assert is_build(asker.head(TAG), answers)
    assert asked_of(odd) == [("HEAD", tag) for tag in tried]
    odd.asked.clear()
    get = asker.get(TAG)
    assert is_build(get, answers)
    assert get.body == image_of(BUILDS[answers]).manifest.content
    assert set(asked_of(odd)) == {("HEAD", answers), ("GET", answers)}


def test_nobody_chooses_for_an_unknown_client(proxy: ProxyInThread, odd: OddRegistry) -> None:
    """Upstream gets its request as it came, and no other."""
    offer(odd, BUILDS)
    assert is_build(ask_as(None, proxy, odd).get(TAG), TAG)
    assert asked_of(odd) == [("GET", TAG)]


def test_where_nothing_is_there_the_client_reads_upstreams_own_words(
    proxy: ProxyInThread, odd: OddRegistry
) -> None:
    """The 404 is that of the tag that was asked for."""
    odd[path_of(TAG)] = Reply(b'{"errors":[]}', {"X-Of-The-Tag": "yes"}, 404)
    for method, body in (("HEAD", b""), ("GET", b'{"errors":[]}')):
        answer = ask_as(TYPE4, proxy, odd).ask(method, TAG)
        assert (answer.status, answer.headers["x-of-the-tag"], answer.body) == (404, "yes", body)


def test_upstream_is_never_sent_a_get_for_what_it_does_not_have(
    proxy: ProxyInThread, odd: OddRegistry
) -> None:
    """GETs are what a quota counts."""
    offer(odd, [TAG])
    ask_as(TYPE4, proxy, odd).get(TAG)
    assert [tag for method, tag in asked_of(odd) if method == "GET"] == [TAG]


def test_what_is_missing_is_not_asked_for_again(proxy: ProxyInThread, odd: OddRegistry) -> None:
    """Whoever asks, for as long as the options say: a minute here."""
    offer(odd, [TAG])
    ask_as(TYPE4, proxy, odd).head(TAG)
    odd.asked.clear()
    for user in (TYPE4, TYPE1, TYPE3):
        assert is_build(ask_as(user, proxy, odd).head(TAG), TAG)
    assert asked_of(odd) == [("HEAD", TAG), ("HEAD", f"{TAG}-arm"), *[("HEAD", TAG)] * 2]


def test_what_is_missing_is_forgotten_after_a_while(serve: Serve, odd: OddRegistry) -> None:
    """A variant that is pushed later is found then, and one that is there at once."""
    asker = ask_as(TYPE3, serve(rules_for(odd), metahub_missing_seconds=1), odd)
    offer(odd, [TAG])
    assert is_build(asker.get(TAG), TAG)
    offer(odd, [AMD64])
    assert is_build(asker.get(TAG), TAG)
    time.sleep(1.1)
    assert is_build(asker.get(TAG), AMD64)


def test_nothing_is_remembered_for_no_seconds(serve: Serve, odd: OddRegistry) -> None:
    """`metahub_missing_seconds: 0` asks every time."""
    asker = ask_as(TYPE3, serve(rules_for(odd), metahub_missing_seconds=0), odd)
    offer(odd, [TAG])
    asker.head(TAG)
    offer(odd, [AMD64])
    assert is_build(asker.head(TAG), AMD64)


def test_what_is_missing_is_missing_there_only(proxy: ProxyInThread, odd: OddRegistry) -> None:
    """Another tag has variants of its own."""
    offer(odd, [TAG])
    ask_as(TYPE3, proxy, odd).head(TAG)
    odd.offer(REPOSITORY, "2.0-amd64", image_of(BUILDS[AMD64]).manifest)
    assert is_build(ask_as(TYPE3, proxy, odd).head("2.0"), AMD64)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(b"log in", {"WWW-Authenticate": 'Bearer realm="https://auth.test/"'}, 401, "Who"),
        Reply(b"never", {"Content-Type": "application/json"}, 403, "Forbidden"),
        Reply(b"slow down", {"Retry-After": "9", "RateLimit-Remaining": "0"}, 429, "Slow Down"),
        Reply(b"sorry", {"Retry-After": "7"}, 503, "Later"),
    ],
    ids=lambda reply: str(reply.status),
)
def test_another_no_than_404_is_relayed(
    reply: Reply, proxy: ProxyInThread, odd: OddRegistry
) -> None:
    """A login or a pause may bring the better build: it is no reason for a worse one."""
    offer(odd, [TAG, CPU, AMD64])
    odd[path_of(GPU)] = reply
    stated = {name.lower(): value for name, value in reply.headers.items()}
    for method, body in (("HEAD", b""), ("GET", reply.body)):
        answer = ask_as(TYPE4, proxy, odd).ask(method, TAG)
        assert (answer.status, answer.reason, answer.body) == (reply.status, reply.reason, body)
        assert stated.items() <= answer.headers.items()
    assert {tag for _, tag in asked_of(odd)} == {GPU}


def test_no_answer_for_a_variant_is_said(proxy: ProxyInThread, odd: OddRegistry) -> None:
    """502, which clients retry."""
    offer(odd, [TAG, CPU])
    odd[path_of(GPU)] = Reply(cut_after=0)
    asker = ask_as(TYPE4, proxy, odd)
    assert [asker.head(TAG).status, asker.get(TAG).status] == [502, 502]


def test_a_variant_may_be_an_index(proxy: ProxyInThread, odd: OddRegistry) -> None:
    """It is chosen from as any other, and known by the digest of what is left."""
    broadwell = Build(">> broadwell", ("cpu:broadwell",))
    odd.offer(REPOSITORY, CPU, index_of((GENERIC, broadwell)).index)
    asker = ask_as(TYPE1, proxy, odd)
    head, get = asker.head(TAG), asker.get(TAG)
    assert entries_of(get) == [str(image_of(broadwell).manifest.digest)]
    assert told(head) == told(get)
    assert asker.get(told(get)[2]).body == get.body


@pytest.mark.parametrize("user", [TYPE4, None], ids=["type4", "unknown"])
def test_a_variant_by_its_own_name_and_a_pin_are_what_they_name(
    user: User | None, proxy: ProxyInThread, odd: OddRegistry
) -> None:
    """Variants stand for the tag that is asked for; `latest-cpu` may have some of its own."""
    offer(odd, [TAG, CPU, GPU])
    asker = ask_as(user, proxy, odd)
    assert is_build(asker.get(CPU), CPU)
    assert is_build(asker.get(image_of(BUILDS[TAG]).manifest.digest), TAG)


def test_what_one_client_is_not_shown_is_not_missing_for_another(
    proxy: ProxyInThread, odd: OddRegistry
) -> None:
    """Registries say 404 too where Accept lacks the type, and to whoever is not logged in."""
    offer(odd, [TAG])
    asker, login = ask_as(TYPE3, proxy, odd), {"Authorization": "Basic x"}
    for headers in (login | {"Accept": OCI_MANIFEST}, {}):
        assert is_build(asker.get(TAG, headers), TAG)
    offer(odd, [AMD64])
    assert is_build(asker.get(TAG, login), AMD64)


def test_a_tag_that_becomes_too_long_has_no_variant(proxy: ProxyInThread, odd: OddRegistry) -> None:
    """A tag has at most 128 characters; upstream is asked for the tag alone."""
    longest = "x" * 128
    odd.offer(REPOSITORY, longest, image_of(BUILDS[TAG]).manifest)
    assert is_build(ask_as(TYPE4, proxy, odd).head(longest), TAG)
    assert asked_of(odd) == [("HEAD", longest)]


def test_variants_are_asked_for_in_the_clients_name(proxy: ProxyInThread, odd: OddRegistry) -> None:
    """With its own login, and its own Accept."""
    offer(odd, [TAG])
    sent = {"Authorization": "Bearer secret", "User-Agent": "containerd/2.1"}
    ask_as(TYPE4, proxy, odd).get(TAG, sent)
    assert len(odd.asked) >= 4
    for asked in odd.asked:
        assert asked.headers["authorization"] == "Bearer secret"
        assert asked.headers["user-agent"] == "containerd/2.1"
