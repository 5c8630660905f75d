"""What the parts of a set-up script decide, in each shell: how text is written, what is merged."""

import json
import tomllib
from urllib.parse import quote

import pytest

from tests.e2e.machine.parts import require_programs
from tests.e2e.setup.shells import Shell

NASTY = (
    "plain",
    "p%2f@:/?#[]!$&'()*+,;=",
    "double \" and single ' and ` and \\ and $HOME",
    " spaces at both ends ",
    "-n",
    "\\n\\060%s%d",
    "Zürich 東京 🦀",
    "~-._",
)


@pytest.mark.parametrize("text", NASTY)
def test_credentials_are_written_as_in_urls(text: str, shell: Shell) -> None:
    """As Python writes them, whatever the characters are; so Go and curl read them."""
    assert shell.say("credentials", 'encoded "$1"', text) == quote(text, safe="")


@pytest.mark.parametrize("text", ["two\nlines", "tab\there", "bell\a", "rubbed out\x7f", "\r"])
def test_control_characters_are_no_part_of_credentials(text: str, shell: Shell) -> None:
    """A script says so instead of writing them into files."""
    line = 'if encoded "$1" >/dev/null; then echo written; else echo refused; fi'
    assert shell.say("credentials", line, text) == "refused"


def test_bytes_that_are_no_text_are_bytes_in_a_url(shell: Shell) -> None:
    """A password of another encoding."""
    assert shell.say("credentials", 'encoded "$1"', "\udcfcx") == "%FCx"


# REGISTRIES, what was there, what is needed, what comes of it
LISTS = [
    ("docker.io", "", "localhost .svc", "localhost,.svc"),
    ("docker.io", "a.example,b.example", "localhost", "a.example,b.example,localhost"),
    ("docker.io", "a.example, b.example,,", "b.example", "a.example,b.example"),
    ("docker.io", "10.0.0.0/8,[::1],fd00::/8,*", "::1", "10.0.0.0/8,[::1],fd00::/8,*,::1"),
    ("docker.io", "a.example,$(reboot),'x',b\"c", "::1", "a.example,::1"),
    ("hub.ns.svc docker.io", "", ".svc localhost", "localhost"),
    ("hub.ns.svc:5000", "", "localhost .svc", "localhost"),
    ("10.1.2.3:5000", "", "10.0.0.0/8 192.168.0.0/16", "192.168.0.0/16"),
    ("192.168.2.3", "", "10.0.0.0/8 192.168.0.0/16", "10.0.0.0/8"),
    ("172.20.2.3:5000", "", "172.16.0.0/12 ::1", "::1"),
    ("172.32.2.3:5000 10.example.com", "", "172.16.0.0/12 10.0.0.0/8", "172.16.0.0/12,10.0.0.0/8"),
    ("[fd00::7]:5000", "", "fc00::/7 ::1", "::1"),
    ("hub.ns.svc", ".svc", "localhost", ".svc,localhost"),
]


@pytest.mark.parametrize(("registries", "there", "needed", "merged"), LISTS)
def test_what_is_asked_directly(
    registries: str, there: str, needed: str, merged: str, shell: Shell
) -> None:
    """All that was, and what is needed unless it hides a registry that MetaHub is for."""
    line = f"REGISTRIES=$1 MORE_NO_PROXY=''; no_proxy_of \"$2\" {needed}"
    assert shell.say("words no_proxy", line, registries, there) == merged


HIDDEN = [
    ("registry.example.com", ".example.com", True),
    ("registry.example.com:5000", "example.com", True),
    ("registry.example.com:5000", "registry.example.com", True),
    ("registry.example.com:5000", "registry.example.com:5000", True),
    ("registry.example.com", "*", True),
    ("registry.example.com", "xample.com", False),
    ("registry.example.com", "a.registry.example.com", False),
    ("docker.io", ".docker.io", True),
    ("docker.io", "index.docker.io", False),
    ("10.1.1.1:5000", "10.0.0.0/8", True),
    ("11.1.1.1:5000", "10.0.0.0/8", False),
]


@pytest.mark.parametrize(("registry", "there", "is_hidden"), HIDDEN)
def test_an_operator_is_told_of_a_registry_that_is_hidden(
    registry: str, there: str, is_hidden: bool, shell: Shell
) -> None:
    """It stays as it was said."""
    line = 'REGISTRIES=$1; warn_of_hidden "$2" 2>&1'
    said = f"metahub: {registry} is asked past MetaHub, because NO_PROXY has {there}"
    assert shell.say("words no_proxy", line, registry, there) == (said if is_hidden else "")


ASSIGNED = [
    ("Environment=A=1", ["A=1"]),
    ("Environment=A=1 B=2", ["A=1", "B=2"]),
    ('Environment="A=1 2" B=3', ["A=1 2", "B=3"]),
    ("Environment='A=\"1\"'", ['A="1"']),
    ('Environment="A=\\"1\\""', ['A="1"']),
    ("  Environment = A=1", ["A=1"]),
    ("Environment=A=1 \\\n  B=2\nOther=C=3", ["A=1", "B=2"]),
    ("#Environment=A=1\n;Environment=B=2", []),
    ("EnvironmentFile=/etc/a", []),
    ("DefaultEnvironment=A=1", ["A=1"]),
    ("Environment=", []),
]


@pytest.mark.parametrize(("text", "words"), ASSIGNED)
def test_settings_of_systemd_are_read_as_words(text: str, words: list[str], shell: Shell) -> None:
    """As systemd.syntax(7) has them."""
    line = 'assignments "Environment|DefaultEnvironment"'
    said = shell.say("environment", line, text=f"[Service]\n{text}\n")
    assert said.splitlines() == words


ENGINES = {
    "": [],
    '[engine]\nenv = ["A=1", "B=2"]': ['"A=1"', '"B=2"'],
    "[engine]\nenv=['A=1']": ["'A=1'"],
    '[engine]\nenv = [ # of ours\n  "A=]1", # "C"\n  "B=\\"2#",\n]\nx = 1': ['"A=]1"', '"B=\\"2#"'],
    '[containers]\nenv = ["A=1"]\n[engine]\nruntime = "crun"': [],
    '[engine]\nenv = ["A=1"]\n[containers]\n[engine]\nenv = ["B=2"]': ['"B=2"'],
    '[engine]\nenv = ["A=1"]\n[engine]\nenv = ["B=2", {append = true}]': ['"A=1"', '"B=2"'],
    '[engine]\n# env = ["A=1"]\nenvironment = ["B=2"]': [],
}


@pytest.mark.parametrize("text", ENGINES)
def test_what_podman_had_is_kept(text: str, shell: Shell) -> None:
    """Of several files one after the other, as podman reads them: the last list counts."""
    assert shell.say("podman", "engine_env", text=f"{text}\n").splitlines() == ENGINES[text]


SHOWN = [
    ("http://user:pass@proxy:8080", "http://user:****@proxy:8080"),
    ('"http://user:p@ss@proxy:8080"', '"http://user:****@proxy:8080"'),
    ("http://proxy:8080/a@b", "http://proxy:8080/a@b"),
    ("http://user@proxy:8080", "http://user@proxy:8080"),
    ("+K3S_TOKEN=sesame", "+K3S_TOKEN=****"),
    (" export DB_PASSWORD=sesame", " export DB_PASSWORD=****"),
    ("NO_PROXY=localhost", "NO_PROXY=localhost"),
]


@pytest.mark.parametrize(("text", "shown"), SHOWN)
def test_no_password_is_shown(text: str, shown: str, shell: Shell) -> None:
    """Neither ours nor others'."""
    assert shell.say("files", "masked", text=f"{text}\n") == shown


@pytest.mark.parametrize("program", ["jq", "python3"])
def test_daemon_json_keeps_the_rest(program: str, shell: Shell, tmp_path: object) -> None:
    """In order, whichever program is there to do it, and the second time nothing changes."""
    require_programs(program)
    there = {"z": [1], "proxies": {"http-proxy": "x", "ftp-proxy": "ü"}, "a": {"b": None}}
    text = json.dumps(there, ensure_ascii=False)
    line = f"""\
        has() {{ [ "$1" = {program} ]; }}
        WORK=$1 DAEMON_JSON=$1/there URL=http://u:p@h:1 REGISTRIES='' MORE_NO_PROXY=''
        PROXY=http://h:1 PLANNED=0
        want() {{ cat >"$WORK/wanted"; }}
        cat >"$DAEMON_JSON"; plan_daemon_json 2>/dev/null
        mv "$WORK/wanted" "$DAEMON_JSON"; plan_daemon_json
        cmp "$WORK/wanted" "$DAEMON_JSON" && cat "$WORK/wanted" """
    said = shell.say("words files environment no_proxy docker", line, str(tmp_path), text=text)
    url, no_proxy = "http://u:p@h:1", "localhost,127.0.0.1,::1,.svc,.cluster.local"
    proxies = {"http-proxy": url, "ftp-proxy": "ü", "https-proxy": url, "no-proxy": no_proxy}
    assert json.loads(said) == there | {"proxies": proxies}
    assert list(json.loads(said)) == list(there)


def test_what_podman_reads_is_toml(shell: Shell, tmp_path: object) -> None:
    """With what others had set, in their quotes."""
    line = """\
        WORK=$1 URL=http://u:p%22@h:1 NO_PROXY_LIST=a,b OWN_ANCHORS='' VARIABLES=/v
        engine_env >"$WORK/entries"; podman_variables >"$WORK/variables"; containers_conf"""
    had = '[engine]\nenv = [\'A="1"\', "B=\\"2", "https_proxy=x"]\n'
    said = tomllib.loads(shell.say("words podman", line, str(tmp_path), text=had))
    ours = ["HTTPS_PROXY=http://u:p%22@h:1", "HTTP_PROXY=http://u:p%22@h:1", "NO_PROXY=a,b"]
    assert said["engine"]["env"] == ['A="1"', 'B="2', *ours]
    assert said["containers"] == {"http_proxy": False}
