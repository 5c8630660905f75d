"""What a script changes of a machine, how it goes along with what is there, and the way back.

The store of certificates is a quick one here; the systems' own are in test_systems.py.
"""

import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest

from metahub.demo.address import Login
from tests.e2e.setup.machine import Machine
from tests.e2e.setup.setting_up import NOTHING, UNIT, URL, USER, SetUp
from tests.e2e.setup.shells import Shell

LOCAL = "localhost,127.0.0.1,::1,.svc,.cluster.local"
CLUSTERS = "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7"

# mv(1), before which somebody pulls the plug.
_KILLED_AT = '#!/bin/sh\n[ "$3" != {} ] || kill -KILL $PPID $$\nexec /bin/mv "$@"\n'

DROP_IN = "/etc/systemd/system/{}.service.d/zz-metahub.conf"


@dataclass(frozen=True, slots=True)
class Case:
    """What others wrote before, and what must be there then."""

    runtime: str
    before: Mapping[str, str] = field(default_factory=dict)
    after: Mapping[str, str | Callable[[str], bool]] = field(default_factory=dict)
    said: str = ""


def variables(no_proxy: str, prefix: str = "") -> str:
    """The end of a file of variables."""
    return (
        f'{prefix}HTTPS_PROXY="{URL}"\n{prefix}HTTP_PROXY="{URL}"\n{prefix}NO_PROXY="{no_proxy}"\n'
    )


def ends_with(end: str) -> Callable[[str], bool]:
    """A claim on a file."""
    return lambda text: text.endswith(end)


def has_env(*entries: str) -> Callable[[str], bool]:
    """A claim on a containers.conf: what is in its list before our own."""

    def claim(text: str) -> bool:
        env = tomllib.loads(text)["engine"]["env"]
        return bool(env[: len(entries)] == list(entries))

    return claim


def json_has(**proxies: str) -> Callable[[str], bool]:
    """A claim on a daemon.json."""
    return lambda text: (
        json.loads(text)["proxies"]
        == {name.replace("_", "-"): value for name, value in proxies.items()}
    )


CASES = {
    "docker": Case(
        "docker",
        after={
            "/etc/metahub/docker.env": ends_with(variables(LOCAL)),
            DROP_IN.format("docker"): ends_with("\nEnvironmentFile=/etc/metahub/docker.env\n"),
        },
    ),
    "docker, with a proxy in a drop-in": Case(
        "docker",
        before={
            "/etc/systemd/system/docker.service.d/proxy.conf": "[Service]\n"
            'Environment="HTTPS_PROXY=http://me:secret@corp.example:3128"\n'
            'Environment="no_proxy=a.example,b.example" X=1\n'
        },
        after={"/etc/metahub/docker.env": ends_with(variables(f"a.example,b.example,{LOCAL}"))},
        said="by another proxy until now, http://me:****@corp.example:3128: MetaHub takes",
    ),
    "docker, with variables in a file": Case(
        "docker",
        before={
            "/usr/local/lib/systemd/system/docker.service": UNIT
            + "EnvironmentFile=-/etc/sysconfig/%N\n",
            "/etc/sysconfig/docker": "NO_PROXY='.example.com'\n",
        },
        after={"/etc/metahub/docker.env": ends_with(variables(f".example.com,{LOCAL}"))},
        said="registry.example.com:5000 is asked past MetaHub, because NO_PROXY has .example.com",
    ),
    "docker, with a star in NO_PROXY": Case(
        "docker",
        before={
            "/etc/systemd/system/docker.service.d/proxy.conf": "[Service]\n"
            "Environment=NO_PROXY=*.example.com\n"
        },
        after={"/etc/metahub/docker.env": ends_with(variables(f"*.example.com,{LOCAL}"))},
        said="registry.example.com:5000 is asked past MetaHub, because NO_PROXY has *.example.com",
    ),
    "docker, with a default of systemd's": Case(
        "docker",
        before={
            "/etc/systemd/system.conf.d/a.conf": "[Manager]\n"
            "DefaultEnvironment=NO_PROXY=a.example\n"
        },
        after={"/etc/metahub/docker.env": ends_with(variables(f"a.example,{LOCAL}"))},
    ),
    "docker, with proxies in daemon.json": Case(
        "docker",
        before={
            "/etc/docker/daemon.json": '{"debug":false,"proxies":{"https-proxy":"http://corp:1",'
            '"no-proxy":"a.example"}}'
        },
        after={
            "/etc/docker/daemon.json": json_has(
                https_proxy=URL, no_proxy=f"a.example,{LOCAL}", http_proxy=URL
            )
        },
    ),
    "docker, with other settings in daemon.json": Case(
        "docker",
        before={"/etc/docker/daemon.json": '{"debug": false}'},
        after={"/etc/docker/daemon.json": '{"debug": false}'},
    ),
    "containerd of a kubelet": Case(
        "containerd",
        before={
            "/etc/kubernetes/kubelet.conf": "clusters:\n- cluster:\n    server: https://api.k:6443\n",
            "/etc/cni/net.d/calico-kubeconfig": "    server: https://[fd00::1]:443\n",
        },
        after={
            "/etc/metahub/containerd.env": ends_with(variables(f"{LOCAL},{CLUSTERS},api.k,fd00::1"))
        },
    ),
    "k3s, with variables in its own files": Case(
        "k3s",
        before={
            "/usr/local/lib/systemd/system/k3s.service": UNIT
            + "EnvironmentFile=-/etc/default/%N\n"
            + "EnvironmentFile=-/etc/systemd/system/k3s.service.env\n",
            "/etc/default/k3s": "CONTAINERD_NO_PROXY=a.example\n",
            "/etc/systemd/system/k3s.service.env": 'K3S_TOKEN="sesame"\nNO_PROXY="b.example"\n',
        },
        after={
            "/etc/metahub/k3s.env": ends_with(
                variables(f"a.example,b.example,{LOCAL},{CLUSTERS}", "CONTAINERD_")
            ),
            DROP_IN.format("k3s"): ends_with("\nEnvironmentFile=/etc/metahub/k3s.env\n"),
        },
    ),
    "CRI-O": Case(
        "crio", after={"/etc/metahub/crio.env": ends_with(variables(f"{LOCAL},{CLUSTERS}"))}
    ),
    "podman": Case(
        "podman",
        after={"/etc/containers/containers.conf.d/zz-metahub.conf": has_env(f"HTTPS_PROXY={URL}")},
        said="every user of this machine can read the password",
    ),
    "podman, with variables of its own": Case(
        "podman",
        before={
            "/etc/containers/containers.conf": '[engine]\nenv = ["A=1"]\n',
            "/etc/containers/containers.conf.d/b.conf": "[engine]\nenv=['B=\"2\"', 'no_proxy=x']\n",
        },
        after={
            "/etc/containers/containers.conf.d/zz-metahub.conf": has_env(
                'B="2"', f"HTTPS_PROXY={URL}", f"HTTP_PROXY={URL}", f"NO_PROXY=x,{LOCAL}"
            )
        },
    ),
    "Apptainer and SingularityCE": Case(
        "apptainer",
        after={
            "/usr/local/bin/apptainer": ends_with("exec '/usr/bin/apptainer' \"$@\"\n"),
            "/usr/local/bin/singularity": ends_with("exec '/usr/bin/singularity' \"$@\"\n"),
        },
    ),
    "the store alone": Case(
        "system",
        after={"/etc/ssl/certs/ca-certificates.crt": lambda text: "BEGIN CERTIFICATE" in text},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_there_and_back(name: str, there: Machine, setting_up: SetUp) -> None:
    """A trial changes nothing, a second run neither, and --undo leaves every byte as it was."""
    case = CASES[name]
    for path, text in case.before.items():
        there.write(path, text, 0o640)
    before = there.tree()
    trial = setting_up.succeed(there, case.runtime, "--dry-run", user=USER)
    assert there.differences(before) == []
    said = setting_up.succeed(there, case.runtime, "--no-restart", user=USER)
    after = there.tree()
    for path, claim in case.after.items():
        text = there.read(path)
        assert claim(text) if callable(claim) else claim == text, text
        assert f"wrote {path}\n" not in said or f"+++ {path}\n" in trial
    assert case.said in said
    for told in (trial, said):
        assert not [word for word in ("w%25rd", "secret", "sesame") if word in told]
    setting_up.succeed(there, case.runtime, "--no-restart", user=USER)
    assert there.tree() == after
    setting_up.succeed(there, case.runtime, "--undo", "--no-restart")
    assert there.differences(before) == []


def test_it_is_the_same_in_every_shell(shell: Shell, there: Machine, setting_up: SetUp) -> None:
    """Of those that a node may have for sh."""
    before = there.tree()
    by_shell = SetUp(setting_up.script, shell)
    by_shell.succeed(there, "docker", "--no-restart", user=USER)
    assert there.read("/etc/metahub/docker.env").endswith(variables(LOCAL))
    again = by_shell.succeed(there, "docker", "--no-restart", user=USER)
    assert again == "to be done still: systemctl daemon-reload && systemctl restart docker\n"
    by_shell.succeed(there, "docker", "--undo", "--no-restart")
    assert there.differences(before) == []


def test_another_password_changes_only_that(there: Machine, setting_up: SetUp) -> None:
    """And --undo still goes back to what was before the first run."""
    before = there.tree()
    setting_up.succeed(there, "docker", user=USER)
    said = setting_up.succeed(there, "docker", user=Login("node", "another"))
    assert said.startswith("wrote /etc/metahub/docker.env\nto be done still: ")
    setting_up.succeed(there, "docker", user=None)
    assert 'HTTPS_PROXY="http://proxy.example.com:8080"\n' in there.read("/etc/metahub/docker.env")
    setting_up.succeed(there, "docker", "--undo")
    assert there.differences(before) == []


@pytest.mark.parametrize("first", ["docker", "containerd"])
def test_runtimes_share_the_ca(first: str, there: Machine, setting_up: SetUp) -> None:
    """What one of them brought stays as long as another needs it; so do folders."""
    before = there.tree()
    for runtime in ("docker", "system", "containerd"):
        setting_up.succeed(there, runtime, user=USER)
    assert "left the CA" in setting_up.succeed(there, first, "--undo")
    assert there.path("/usr/local/share/ca-certificates/metahub.crt").exists()
    for runtime in ("system", "docker", "containerd"):
        setting_up.succeed(there, runtime, "--undo")
    assert there.differences(before) == []


def test_what_others_change_meanwhile_is_not_lost(there: Machine, setting_up: SetUp) -> None:
    """--undo goes back all the same, and keeps a copy of it."""
    there.write("/etc/docker/daemon.json", '{"proxies": {}}')
    before = there.tree()
    setting_up.succeed(there, "docker", user=USER)
    there.write("/etc/docker/daemon.json", '{"proxies": {}, "mine": 1}', 0o600)
    said = setting_up.succeed(there, "docker", "--undo")
    assert "/etc/docker/daemon.json was changed since" in said
    assert there.differences(before) == ["etc/docker/daemon.json.metahub-kept"]
    assert "mine" in there.read("/etc/docker/daemon.json.metahub-kept")


def test_nor_is_what_a_second_run_finds_changed(there: Machine, setting_up: SetUp) -> None:
    """A copy of each time is kept, whatever is put back in the end."""
    there.write("/etc/docker/daemon.json", '{"proxies": {}}')
    before = there.tree()
    setting_up.succeed(there, "docker", user=USER)
    for number in ("1", "2"):
        there.write("/etc/docker/daemon.json", f'{{"proxies": {{}}, "mine": {number}}}', 0o600)
        said = setting_up.succeed(there, "docker", user=USER)
        assert "/etc/docker/daemon.json was changed since" in said
        assert f'"mine": {number}' in there.read("/etc/docker/daemon.json")
    setting_up.succeed(there, "docker", "--undo")
    kept = ["etc/docker/daemon.json.metahub-kept", "etc/docker/daemon.json.metahub-kept-2"]
    assert there.differences(before) == kept
    assert [f'"mine": {n + 1}' in there.read(f"/{name}") for n, name in enumerate(kept)] == [
        True,
        True,
    ]


def test_a_run_that_was_killed_leaves_nothing_behind_its_undoing(
    there: Machine, setting_up: SetUp
) -> None:
    """Not even the file that it was about to put in its place."""
    before = there.tree()
    there.write("/usr/local/sbin/mv", _KILLED_AT.format("/etc/metahub/docker.env"), 0o755)
    assert setting_up.run(there, "docker", user=USER).exit_code
    assert there.path("/etc/metahub/docker.env.metahub-new").exists()
    there.sh("rm /usr/local/sbin/mv")
    setting_up.succeed(there, "docker", "--undo")
    assert there.differences(before) == []


def test_a_link_stays_a_link(there: Machine, setting_up: SetUp) -> None:
    """What it leads to is what changes, and what comes back."""
    there.write("/srv/daemon.json", '{"proxies": {}}', 0o644)
    there.sh("ln -s /srv/daemon.json /etc/docker/daemon.json")
    before = there.tree()
    setting_up.succeed(there, "docker", user=USER)
    assert there.path("/etc/docker/daemon.json").is_symlink()
    assert URL in there.read("/srv/daemon.json")
    assert there.path("/srv/daemon.json").stat().st_mode & 0o777 == 0o600
    setting_up.succeed(there, "docker", "--undo")
    assert there.differences(before) == []


REFUSED = {
    "a later drop-in": (
        "docker",
        {"/etc/systemd/system/docker.service.d/zzz.conf": "[Service]\nEnvironmentFile=/x\n"},
        "zzz.conf is read after MetaHub's own zz-metahub.conf and may change the proxy",
    ),
    "a later containers.conf": (
        "podman",
        {"/etc/containers/containers.conf.d/zzz.conf": '[engine]\nenv = ["A=1"]\n'},
        "zzz.conf is read after MetaHub's own zz-metahub.conf and has an env of its own",
    ),
    "a daemon.json that is none": (
        "docker",
        {"/etc/docker/daemon.json": '{"proxies": {,}'},
        "/etc/docker/daemon.json is not what docker can read, nothing was changed: ",
    ),
    "a program in the way": (
        "apptainer",
        {"/usr/local/bin/apptainer": "#!/bin/sh\n"},
        "/usr/local/bin/apptainer is there already, nothing was changed",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_right_is_refused(name: str, there: Machine, setting_up: SetUp) -> None:
    """Before anything is changed."""
    runtime, files, sentence = REFUSED[name]
    for path, text in files.items():
        there.write(path, text, 0o755)
    _refuses(there, setting_up, runtime, sentence)


def _refuses(there: Machine, setting_up: SetUp, runtime: str, sentence: str, *words: str) -> None:
    before = there.tree()
    said = setting_up.run(there, runtime, *words, user=USER)
    assert said.exit_code == 1, said
    assert sentence in said.err
    assert there.differences(before) == []


MISSING = {
    "docker": ("rm /usr/local/lib/systemd/system/docker.service /lib/systemd/system/docker.service",
               "neither systemd nor OpenRC starts Docker here, nothing was changed: "),
    "system": ("rm /usr/local/sbin/update-ca-certificates /usr/sbin/update-ca-certificates",
               "this system has neither update-ca-certificates nor update-ca-trust"),
    "podman": ("rm /usr/bin/podman /usr/bin/buildah",
               "neither podman nor buildah is here, nothing was changed"),
    "apptainer": ("rm /usr/bin/apptainer /usr/bin/singularity",
                  "apptainer is nowhere in PATH, nothing was changed"),
    "kind": ("rm -f /usr/bin/docker /usr/bin/podman",
             "there is no node of kind, nothing was changed"),
}  # fmt: skip


ELSEWHERE = {
    "docker": "/etc/systemd/system/snap.docker.dockerd.service",
    "containerd": "/usr/local/lib/systemd/system/rke2-server.service",
    "crio": "/home/a/.config/systemd/user/crio.service",
}


@pytest.mark.parametrize("runtime", ELSEWHERE)
def test_what_somebody_else_starts_is_named(
    runtime: str, there: Machine, setting_up: SetUp
) -> None:
    """A snap, a distribution of Kubernetes, a user."""
    there.sh(f"rm -f /usr/local/lib/systemd/system/{runtime}.* /lib/systemd/system/{runtime}.*")
    there.write(ELSEWHERE[runtime], UNIT)
    _refuses(there, setting_up, runtime, f" is started by {ELSEWHERE[runtime]} here")


@pytest.mark.parametrize("runtime", MISSING)
def test_what_is_not_there_is_named(runtime: str, there: Machine, setting_up: SetUp) -> None:
    """With what to do about it."""
    remove, sentence = MISSING[runtime]
    there.sh(remove)
    _refuses(there, setting_up, runtime, sentence)


def test_without_jq_and_python_it_says_what_to_write(there: Machine, setting_up: SetUp) -> None:
    """Where a daemon.json has proxies, which win over the environment."""
    there.write("/etc/docker/daemon.json", '{"proxies": {}}')
    there.sh("rm -f $(which -a jq python3)")
    sentence = '"http-proxy": "http://node:****@proxy.example.com:8080"'
    _refuses(there, setting_up, "docker", sentence)


def test_only_root_may(there: Machine, setting_up: SetUp) -> None:
    """It is said first."""
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    user = SetUp(setting_up.script, before=nobody)
    _refuses(there, user, "docker", "only root may do this, nothing was changed: run it with sudo")


BROKEN = {
    "the store cannot be made": "cp /bin/false /usr/local/sbin/update-ca-certificates",
    "a folder cannot be made": ": >/etc/systemd/system/docker.service.d",
}


@pytest.mark.parametrize("name", BROKEN)
def test_half_a_change_can_be_undone(name: str, there: Machine, setting_up: SetUp) -> None:
    """Whatever failed in the midst; and once mended, the next run goes on."""
    before = there.tree()
    healthy = there.read("/usr/local/sbin/update-ca-certificates")
    there.sh(BROKEN[name])
    broken = there.tree()
    assert "metahub: stopped half way: run it again" in setting_up.run(there, "docker").err
    assert there.differences(broken)
    there.write("/usr/local/sbin/update-ca-certificates", healthy, 0o755)
    setting_up.succeed(there, "docker", "--undo")
    if name == "a folder cannot be made":
        assert there.differences(broken) == []
        there.sh("rm /etc/systemd/system/docker.service.d")
    assert there.differences(before) == []
    setting_up.succeed(there, "docker", user=USER)
    assert there.path(DROP_IN.format("docker")).exists()


def test_a_run_goes_on_where_one_failed(there: Machine, setting_up: SetUp) -> None:
    """The store that could not be made is made."""
    healthy = there.read("/usr/local/sbin/update-ca-certificates")
    there.sh(BROKEN["the store cannot be made"])
    assert "update-ca-certificates failed" in setting_up.run(there, "system").err
    there.write("/usr/local/sbin/update-ca-certificates", healthy, 0o755)
    assert setting_up.succeed(there, "system") == "ran update-ca-certificates\n"
    assert setting_up.succeed(there, "system") == NOTHING.format("System trust")


def test_a_program_sees_what_its_wrapper_sets(there: Machine, setting_up: SetUp) -> None:
    """And tells its containers what was there without."""
    setting_up.succeed(there, "apptainer", user=USER)
    said = there.run(["apptainer", "pull", "a b"], {"HTTPS_PROXY": "http://other:1"}).out
    lines = said.splitlines()
    assert lines[0] == "/usr/bin/apptainer pull a b"
    assert {
        f"HTTPS_PROXY={URL}",
        f"HTTP_PROXY={URL}",
        "APPTAINERENV_HTTPS_PROXY=http://other:1",
        "APPTAINERENV_HTTP_PROXY=",
    } <= set(lines)


def test_openrc_sources_what_it_starts_with(there: Machine, setting_up: SetUp) -> None:
    """Alpine: the variables are in a file of root's, and the service is started anew."""
    there.sh("rm /usr/local/lib/systemd/system/docker.service /lib/systemd/system/docker.service")
    there.write("/etc/init.d/docker", "#!/sbin/openrc-run\n", 0o755)
    there.write("/usr/local/bin/rc-service", '#!/bin/sh\necho "$@" >>/tmp/asked\n', 0o755)
    there.write("/etc/conf.d/docker", "export NO_PROXY='a.example'")
    before = there.tree()
    assert "restarted docker\n" in setting_up.succeed(there, "docker", user=USER)
    sourced = there.sh(". /etc/conf.d/docker; sh -c 'echo \"$HTTPS_PROXY $NO_PROXY\"'")
    assert sourced == f"{URL} a.example,{LOCAL}\n"
    assert there.read("/tmp/asked") == "docker status\ndocker restart\n"
    assert setting_up.succeed(there, "docker", user=USER) == NOTHING.format("Docker")
    there.write("/etc/metahub/docker.env", "HTTPS_PROXY=http://other:1\n", 0o600)
    assert "would restart docker" in setting_up.succeed(there, "docker", "--dry-run", user=USER)
    assert "restarted docker\n" in setting_up.succeed(there, "docker", user=USER)
    there.sh("rm /etc/metahub/*-kept")
    setting_up.succeed(there, "docker", "--undo")
    assert there.differences(before) == []
