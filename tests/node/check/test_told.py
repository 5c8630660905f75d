"""What each runtime is told of proxies, by its files and by what its daemon was started with."""

from pathlib import Path

import pytest

from metahub.core.registry import Registry
from metahub.node.check import RUNTIMES, Node, Outcome, Root, Step, runtime_of
from metahub.node.check.look import Looked, look
from tests.node.check.trees import DROP_IN, UNIT, age, daemon, docker, node, write

URL = "http://u:secret-word@proxy.test:8080"
SHOWN = "http://u:****@proxy.test:8080"
REG = Registry.parse("reg.test")
RESTART = "systemctl daemon-reload && systemctl restart docker"


def looked(where: Node, runtime: str = "docker") -> Looked:
    """What is found out of a runtime."""
    return look(where, RUNTIMES[runtime], None, None)


def told(where: Node, runtime: str = "docker", *registries: Registry) -> Step:
    """The step of it."""
    step = looked(where, runtime).step(registries or (REG,))
    assert "secret-word" not in repr(step)
    assert "secret-word" not in repr(looked(where, runtime))
    return step


def works(sentence: str) -> Step:
    """A runtime that knows its proxy."""
    return Step.works("proxy", sentence)


@pytest.mark.parametrize(
    ("runtime", "files", "where"),
    [
        ("docker", {DROP_IN: f'[Service]\nEnvironment="HTTPS_PROXY={URL}"\n'}, DROP_IN),
        (
            "docker",
            {UNIT: "[Service]\nEnvironmentFile=-/etc/default/docker\n",
             "/etc/default/docker": f"HTTPS_PROXY={URL}\n"},
            "/etc/default/docker",
        ),
        (
            "docker",
            {DROP_IN: "[Service]\nEnvironment=HTTPS_PROXY=http://other.test:1\n",
             "/etc/docker/daemon.json": f'{{"proxies": {{"https-proxy": "{URL}"}}}}'},
            "/etc/docker/daemon.json (proxies.https-proxy)",
        ),
        (
            "k3s",
            {"/etc/systemd/system/k3s-agent.service": "[Service]\nEnvironmentFile=/etc/default/%N",
             "/etc/default/k3s-agent": f"HTTPS_PROXY=http://other.test:1\n"
                                       f"CONTAINERD_HTTPS_PROXY={URL}\n"},
            "/etc/default/k3s-agent",
        ),
        (
            "containerd",
            {"/lib/systemd/system/containerd.service": f"[Service]\nEnvironment=HTTPS_PROXY={URL}"},
            "/lib/systemd/system/containerd.service",
        ),
        (
            "crio",
            {"/usr/lib/systemd/system/crio.service":
                 "[Service]\nEnvironmentFile=-/etc/sysconfig/crio\n",
             "/etc/sysconfig/crio": f"HTTPS_PROXY={URL}\n"},
            "/etc/sysconfig/crio",
        ),
        (
            "podman",
            {"/etc/containers/containers.conf": f'[engine]\nenv = ["HTTPS_PROXY={URL}", "X"]\n'},
            "/etc/containers/containers.conf ([engine] env)",
        ),
        (
            "apptainer",
            {"/usr/local/bin/apptainer":
                 f"#!/bin/sh\n# Made by MetaHub's set-up\nexport HTTPS_PROXY='{URL}'\n"},
            "/usr/local/bin/apptainer",
        ),
    ],
)  # fmt: skip
def test_where_a_runtime_is_told(
    runtime: str, files: dict[str, str | bytes], where: str, tmp_path: Path
) -> None:
    """By a file of its own; the password is not shown."""
    found = node(tmp_path, files)
    name = "CONTAINERD_HTTPS_PROXY" if runtime == "k3s" else "HTTPS_PROXY"
    assert told(found, runtime) == works(f"{runtime} is told of {SHOWN} by {name} in {where}.")
    url = looked(found, runtime).url
    assert url
    assert url.password == "secret-word"


@pytest.mark.parametrize("runtime", ["podman", "apptainer", "system"])
def test_the_environment(runtime: str, tmp_path: Path) -> None:
    """Tells whoever is started in it, in small letters too, and before containers.conf."""
    files: dict[str, str | bytes] = {
        "/etc/containers/containers.conf": '[engine]\nenv = ["https_proxy=http://other.test:1"]'
    }
    found = node(tmp_path, files, https_proxy=URL, HTTPS_PROXY="")
    sentence = f"{runtime} is told of {SHOWN} by https_proxy in the environment."
    assert told(found, runtime) == works(sentence)


def test_the_later_containers_conf_counts(tmp_path: Path) -> None:
    """Its list takes the place of another, unless it says that it is more of it."""
    own = "/home/u/.config/containers/containers.conf"
    files: dict[str, str | bytes] = {
        "/usr/share/containers/containers.conf": '[engine]\nenv = ["A=1"]',
        "/etc/containers/containers.conf.d/a.conf": f'[engine]\nenv = ["HTTPS_PROXY={URL}"]',
        own: '[engine]\nenv = ["NO_PROXY=a.test", {append = true}]',
    }
    found = node(tmp_path, files, HOME="/home/u")
    assert set(looked(found, "podman").told.environment) == {"HOME", "HTTPS_PROXY", "NO_PROXY"}
    alone = Node(Root(tmp_path), {"CONTAINERS_CONF": own, "CONTAINERS_CONF_OVERRIDE": "/no"})
    assert told(alone, "podman").outcome is Outcome.FAILED


NOT_TOLD = [
    ("docker", "docker.service and its drop-ins nor in /etc/docker/daemon.json"),
    ("k3s", "k3s.service and its drop-ins"),
    ("podman", "the environment nor in containers.conf"),
    ("apptainer", "the environment"),
]


@pytest.mark.parametrize(("runtime", "where"), NOT_TOLD)
def test_nobody_tells_it(runtime: str, where: str, tmp_path: Path) -> None:
    """Then it is said where somebody could, and how."""
    assert told(Node(Root(tmp_path)), runtime) == Step.failed(
        "proxy",
        f"{runtime} is told of no proxy: there is no HTTPS_PROXY in {where}.",
        "Set it up, with MetaHub's host and port: curl -fsS"
        f" http://HOST:PORT/setup/{runtime} | sudo sh",
    )


def test_a_shell_that_is_not_told(tmp_path: Path) -> None:
    """Is told by a line."""
    remedy = told(Node(Root(tmp_path)), "system").remedy
    assert remedy == "Set it: export HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT"


def test_only_http_proxy(tmp_path: Path) -> None:
    """Is not enough for a registry with TLS."""
    assert told(docker(tmp_path, f"HTTP_PROXY={URL}")) == Step.failed(
        "proxy",
        f"docker has HTTP_PROXY in {DROP_IN}, but no HTTPS_PROXY, by which registries with TLS are"
        " reached.",
        f"Set HTTPS_PROXY there, too, then: {RESTART}",
    )


def test_a_percent_sign_that_systemd_takes(tmp_path: Path) -> None:
    """Is doubled in a drop-in."""
    assert told(docker(tmp_path, "HTTPS_PROXY=http://u:secret-word%40@proxy.test:8080")) == (
        Step.failed(
            "proxy",
            f"HTTPS_PROXY does not arrive as it stands in {DROP_IN}: systemd takes a % in it for a"
            " specifier of its own.",
            f"Write each % there as %%, then: {RESTART}",
        )
    )


def test_a_url_that_is_none(tmp_path: Path) -> None:
    """What is wrong with it is told, but not what it is."""
    assert told(docker(tmp_path, "HTTPS_PROXY=http://u:secret-word%%@proxy.test:8080")) == (
        Step.failed(
            "proxy",
            f"HTTPS_PROXY in {DROP_IN} has a % in its user or password that begins no %XX.",
            f"Write %25 instead of that %, then: {RESTART}",
        )
    )


def test_no_proxy_names_registries(tmp_path: Path) -> None:
    """Which ones, and by which word."""
    found = docker(tmp_path, f'HTTPS_PROXY={URL} "NO_PROXY=localhost,.test,10.0.0.0/8"')
    others = [Registry.parse(name) for name in ("docker.io", "reg.test", "10.1.1.1:5000")]
    assert told(found, "docker", *others) == Step.failed(
        "proxy",
        f"docker is told of {SHOWN}, but goes past it to reg.test (as .test) and 10.1.1.1:5000 (as"
        f" 10.0.0.0/8), for NO_PROXY in {DROP_IN} says so.",
        f"Take that out of NO_PROXY, then: {RESTART}",
    )
    assert told(found, "docker", others[0]).outcome is Outcome.WORKS


def test_a_registry_on_this_machine(tmp_path: Path) -> None:
    """Is asked directly, by whatever runtime."""
    here = Registry.parse("localhost:5000")
    assert told(docker(tmp_path, f"HTTPS_PROXY={URL}"), "docker", here, REG) == Step.failed(
        "proxy",
        "No runtime asks a proxy for this machine itself: localhost:5000.",
        "Call it by another name of this machine.",
    )


# What runs


def test_a_daemon_that_has_it(tmp_path: Path) -> None:
    """The file is named that says so, or the process where none does."""
    running = daemon("dockerd", 77, 10, {"HTTPS_PROXY": URL})
    told_by_file = docker(tmp_path / "a", f"HTTPS_PROXY={URL}", {**running})
    assert told(told_by_file) == works(f"docker is told of {SHOWN} by HTTPS_PROXY in {DROP_IN}.")
    by_hand = node(tmp_path / "b", {**running})
    where = "the environment of dockerd (process 77)"
    assert told(by_hand) == works(f"docker is told of {SHOWN} by HTTPS_PROXY in {where}.")


@pytest.mark.parametrize("before", [{}, {"HTTPS_PROXY": "http://u:older@proxy.test:8080"}])
def test_a_daemon_that_was_started_before(before: dict[str, str], tmp_path: Path) -> None:
    """Has to be started anew."""
    found = docker(tmp_path, f"HTTPS_PROXY={URL}", {**daemon("dockerd", 77, 10, before)})
    assert told(found) == Step.failed(
        "proxy",
        f"HTTPS_PROXY stands in {DROP_IN}, but dockerd (process 77) runs without it, or with what"
        " stood there before.",
        f"Restart it: {RESTART}",
    )


def test_a_no_proxy_that_is_not_taken_yet(tmp_path: Path) -> None:
    """As for the proxy itself."""
    running = daemon("dockerd", 77, 10, {"HTTPS_PROXY": URL})
    found = docker(tmp_path, f"HTTPS_PROXY={URL} NO_PROXY=a.test", {**running})
    assert told(found).sentence.startswith(f"NO_PROXY stands in {DROP_IN}, but dockerd")


def test_daemon_json_is_read_at_the_start_of_dockerd(tmp_path: Path) -> None:
    """What was written since does not count yet."""
    path = "/etc/docker/daemon.json"
    content = f'{{"proxies": {{"https-proxy": "{URL}"}}}}'
    found = node(tmp_path, {path: content, **daemon("dockerd", 77, 100, {})})
    age(tmp_path, path, 200)
    where = f"{path} (proxies.https-proxy)"
    assert told(found) == works(f"docker is told of {SHOWN} by HTTPS_PROXY in {where}.")
    age(tmp_path, path, 50)
    assert told(found).sentence == (
        f"HTTPS_PROXY stands in {where}, but dockerd (process 77) runs without it, or with what"
        " stood there before."
    )


def test_k3s_gives_its_containerd_more(tmp_path: Path) -> None:
    """In the running one, too."""
    running = daemon("k3s-server", 9, 10, {"CONTAINERD_HTTPS_PROXY": URL, "HTTPS_PROXY": "x"})
    assert told(node(tmp_path, {**running}), "k3s").outcome is Outcome.WORKS


def test_the_oldest_of_several_daemons(tmp_path: Path) -> None:
    """Of what is called so; others are none."""
    first = daemon("containerd", 70, 20, {"HTTPS_PROXY": URL})
    later = daemon("containerd", 700, 10, {}) | daemon("containerd-shim", 8, 30, {})
    found = looked(node(tmp_path, {**first, **later}), "containerd").told.daemon
    assert found
    assert (found.pid, round(Node(Root()).now - found.started)) == (70, 20)


def test_a_process_that_proc_says_little_of(tmp_path: Path) -> None:
    """Counts as new."""
    found = node(tmp_path, {"/proc/5/comm": "dockerd\n"})
    process = looked(found).told.daemon
    assert process
    assert (process.started, process.environment) == (found.now, {})


# What programs say


def program(directory: Path, name: str, prints: str, exit_code: int = 0) -> str:
    """A program that prints this; the PATH where it is."""
    directory.mkdir(exist_ok=True)
    (directory / f"{name}.out").write_text(prints)
    file = directory / name
    file.write_text(f"#!/bin/sh\n/bin/cat {directory}/{name}.out\nexit {exit_code}\n")
    file.chmod(0o755)
    return str(directory)


def asking(root: Path, programs: str) -> Node:
    """The node of these files, whose programs may be asked."""
    return Node(Root(root), {}, programs)


def test_systemd_knows_more_than_the_files(tmp_path: Path) -> None:
    """A variable that no file sets, and which of several processes is the service."""
    shown = f'Environment=A=1 "HTTPS_PROXY={URL}"\nMainPID=88\n'
    root = tmp_path / "node"
    running = {**daemon("dockerd", 77, 20, {}), **daemon("dockerd", 88, 10, {"HTTPS_PROXY": URL})}
    docker(root, "A=1", {**running})
    found = asking(root, program(tmp_path / "bin", "systemctl", shown))
    where = "systemctl show docker.service"
    assert told(found) == works(f"docker is told of {SHOWN} by HTTPS_PROXY in {where}.")


def test_systemctl_where_systemd_does_not_run(tmp_path: Path) -> None:
    """Is not asked again."""
    root = tmp_path / "node"
    docker(root, f"HTTPS_PROXY={URL}")
    found = asking(root, program(tmp_path / "bin", "systemctl", "Environment=HTTPS_PROXY=x", 1))
    assert told(found) == works(f"docker is told of {SHOWN} by HTTPS_PROXY in {DROP_IN}.")


@pytest.mark.parametrize(
    ("says", "outcome"),
    [
        ('{"HttpsProxy": "http://xxxxx:xxxxx@proxy.test:8080", "NoProxy": ""}', Outcome.WORKS),
        ('{"HttpsProxy": "", "NoProxy": ""}', Outcome.FAILED),
        ("not now", Outcome.WORKS),
    ],
)
def test_docker_tells_what_its_daemon_has(says: str, outcome: Outcome, tmp_path: Path) -> None:
    """Where nobody else may look at it."""
    root = tmp_path / "node"
    docker(root, f"HTTPS_PROXY={URL}", {**daemon("dockerd", 77, 10, {})})
    environ = root / "proc/77/environ"
    environ.unlink()
    environ.symlink_to(environ)
    assert told(asking(root, program(tmp_path / "bin", "docker", says))).outcome is outcome


# What cannot be read


@pytest.mark.parametrize(
    ("path", "content", "runtime"),
    [
        ("/etc/docker/daemon.json", "{", "docker"),
        ("/etc/containers/containers.conf", "[engine", "podman"),
    ],
)
def test_a_file_of_a_runtime_that_is_broken(
    path: str, content: str, runtime: str, tmp_path: Path
) -> None:
    """The runtime itself has the same trouble."""
    step = told(node(tmp_path, {path: content}), runtime)
    assert step.sentence.startswith(f"{path} cannot be read (")
    assert step.remedy == "Correct it; the runtime cannot read it either."


@pytest.mark.parametrize("content", ["[]", '{"proxies": []}', '{"proxies": {"https-proxy": 1}}'])
def test_a_daemon_json_without_proxies(content: str, tmp_path: Path) -> None:
    """Tells docker of none."""
    step = told(node(tmp_path, {"/etc/docker/daemon.json": content}))
    assert step.sentence.startswith("docker is told of no proxy")


def test_a_url_of_a_person_stands_over_all(tmp_path: Path) -> None:
    """Its password may come from elsewhere."""
    found = node(tmp_path, {"/etc/docker/daemon.json": "{"})
    given = look(found, RUNTIMES["docker"], "http://u@proxy.test:1", "secret-word")
    assert given.step([REG]) == works("--proxy says http://u:****@proxy.test:1; no file was asked.")
    assert given.url
    assert given.url.password == "secret-word"
    wrong = look(found, RUNTIMES["docker"], "ftp://u@proxy.test", None).step([REG])
    assert wrong == Step.failed(
        "proxy",
        "What --proxy says is not a URL that begins with http://.",
        "Write it as http://USER:PASSWORD@HOST:PORT.",
    )


# Which runtime


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([UNIT, "/usr/bin/podman"], "docker"),
        (["/etc/init.d/docker"], "docker"),
        (["/usr/bin/podman"], "podman"),
        (["/usr/local/bin/apptainer"], "apptainer"),
        ([], "system"),
    ],
)
def test_the_first_runtime_that_is_there(files: list[str], expected: str, tmp_path: Path) -> None:
    """Is meant where none is named."""
    write(tmp_path, dict.fromkeys(files, ""))
    assert runtime_of(None, Node(Root(tmp_path))).name == expected


def test_a_runtime_that_is_not_known(tmp_path: Path) -> None:
    """All are named that are."""
    with pytest.raises(ValueError, match="expected one of docker, k3s, crio, containerd, podman,"):
        runtime_of("dokcer", Node(Root(tmp_path)))


def test_openrc_restarts_otherwise(tmp_path: Path) -> None:
    """Where it starts the service, and systemd does not."""
    write(tmp_path, {"/etc/init.d/docker": ""})
    assert RUNTIMES["docker"].restart(Node(Root(tmp_path))) == "rc-service docker restart"


def test_kind_has_nodes_of_its_own(tmp_path: Path) -> None:
    """Each is checked for itself, with the files that it has."""
    with pytest.raises(ValueError, match="check containerd of each, from here with --root"):
        runtime_of("kind", Node(Root(tmp_path)))
