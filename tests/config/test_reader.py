"""config.yaml, good and bad."""

from pathlib import Path

import pytest

from metahub.config import ConfigError, read_config


def _read(folder: Path, text: str) -> dict[str, object]:
    file = folder / "config.yaml"
    file.write_text(text)
    return read_config(file)


def test_relative_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    """`metahub serve --config /etc/metahub/config.yaml` works from any directory."""
    values = _read(
        tmp_path, "confdir: certs\nmetahub_rules: ../rules\nmetahub_store: /var/lib/store\n"
    )
    assert values == {
        "confdir": str(tmp_path / "certs"),
        "metahub_rules": str(tmp_path / "../rules"),
        "metahub_store": "/var/lib/store",
    }


@pytest.mark.parametrize("url", ["postgresql://anna:secret@db/m", "postgresql:/anna:secret@db/m"])
def test_a_store_in_a_database_is_no_path(tmp_path: Path, url: str) -> None:
    """Its URL stays as it is, also where it is mistyped: it is refused by who opens it."""
    assert _read(tmp_path, f"metahub_store: {url}\n") == {"metahub_store": url}


def test_what_is_no_path_stays(tmp_path: Path) -> None:
    """Also where it looks like one, or is of another type than a path should be."""
    assert _read(tmp_path, "listen_host: certs\nlisten_port: 8080\nconfdir: 5\n") == {
        "listen_host": "certs",
        "listen_port": 8080,
        "confdir": 5,
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "metahub_rule: x\n",
            "config.yaml: there is no option metahub_rule; did you mean metahub_rules?",
        ),
        (
            "metahub_zzzzzzzzzz: x\n",
            "config.yaml: there is no option metahub_zzzzzzzzzz; "
            "there are metahub_rules, metahub_store, metahub_on_error",
        ),
        ("- a\n- b\n", "config.yaml: expected options, as `name: value` each"),
        ("5: x\n", "config.yaml: expected options, as `name: value` each"),
        ("", "config.yaml: expected options, as `name: value` each"),
        ("a: [\n", "config.yaml is not YAML: while parsing a flow node"),
        ("a: \x00\n", "config.yaml is not YAML: unacceptable character #x0000"),
        ("a: 2026-13-45\n", "config.yaml is not YAML: month must be in 1..12"),
        ("a: !!timestamp soon\n", "config.yaml is not YAML: 'NoneType' object has no attribute"),
        (f"a: {'[' * 1500}\n", "config.yaml is not YAML: maximum recursion depth exceeded"),
        (
            "confdir: ~nobody-of-this-name/x\n",
            "config.yaml: confdir: there is no home for '~nobody-of-this-name/x'; "
            "write the path in full",
        ),
    ],
)
def test_mistakes_name_the_file_and_the_remedy(tmp_path: Path, text: str, message: str) -> None:
    """An option of ours that mitmproxy does not know it would ignore, without a word."""
    with pytest.raises(ConfigError) as caught:
        _read(tmp_path, text)
    said = str(caught.value).splitlines()[0]
    assert said.startswith(f"{tmp_path}/{message}")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """Whoever starts the proxy elsewhere reads how to say where its configuration is."""
    with pytest.raises(ConfigError) as caught:
        read_config(tmp_path / "none.yaml")
    remedy = "No such file or directory; name another with --config"
    assert str(caught.value) == f"{tmp_path}/none.yaml: {remedy}"


def test_the_file_of_the_repository_is_good() -> None:
    """What `make run` serves with."""
    root = Path(__file__).parents[2]
    values = read_config(root / "config.yaml")
    assert values["metahub_rules"] == str(root / "metahub_rules")
    assert values["metahub_on_error"] == "refuse"
