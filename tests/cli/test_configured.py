"""What config.yaml says to the commands that start no proxy."""

import socket
from pathlib import Path

import pytest

from metahub.cli.configured import Configured
from metahub.config import ConfigError
from metahub.node.authority import Confdir

HERE = socket.gethostname()


def configured(folder: Path, text: str) -> Configured:
    """By a file of this text."""
    file = folder / "config.yaml"
    file.write_text(text)
    return Configured.by(file)


def test_all_of_it(tmp_path: Path) -> None:
    """A relative path is relative to the file, as it is for the proxy."""
    said = configured(
        tmp_path,
        "confdir: ca\nmetahub_rules: ../rules\nmetahub_store: /var/lib/store\n"
        "cert_passphrase: sesame\nlisten_host: 192.0.2.1\nmode: [regular@3128]\n"
        "metahub_hosts: [Proxy.test]\nmetahub_exempt_agents: [Cosign]\n",
    )
    assert said == Configured(
        Confdir(tmp_path / "ca", b"sesame"),
        tmp_path / "../rules",
        "/var/lib/store",
        "192.0.2.1:3128",
        own_hosts=("proxy.test",),
        named_hosts=("proxy.test",),
        exempt_agents=frozenset({"cosign"}),
    )


def test_what_stands_where_it_says_nothing(tmp_path: Path) -> None:
    """What mitmproxy and MetaHub take: our defaults are in the directory that one is in."""
    said = configured(tmp_path, "onboarding: false\n")
    assert said.confdir == Confdir(Path.home() / ".mitmproxy", None)
    assert (said.rules, said.store) == (Path("metahub_rules"), "metahub.sqlite")
    assert (said.proxy, said.named_hosts) == (f"{HERE}:8080", ())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("confdir: 5", "confdir: expected a text, found 5"),
        (
            "metahub_store: [postgresql://anna:secret@db/m]",
            "metahub_store: expected a text, found something else",
        ),
        ("metahub_rules: [a]", "metahub_rules: expected a text, found ['a']"),
        ("metahub_rule: a", "there is no option metahub_rule; did you mean metahub_rules?"),
        ("listen_port: a", "listen_port: expected a port, found 'a'"),
        ("metahub_hosts: a", "metahub_hosts: expected a list, found 'a'"),
        (
            "metahub_exempt_agents: [cosign/2]",
            "metahub_exempt_agents: expected the name of a product like cosign, found 'cosign/2'",
        ),
    ],
)
def test_a_mistake_names_the_file_and_the_option(tmp_path: Path, text: str, sentence: str) -> None:
    """And what is expected there."""
    with pytest.raises(ConfigError) as caught:
        configured(tmp_path, text)
    assert str(caught.value) == f"{tmp_path}/config.yaml: {sentence}"
