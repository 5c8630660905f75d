"""The environment of a service, from the files of its unit as systemd merges them."""

from pathlib import Path

import pytest

from metahub.node.check import Root
from metahub.node.check.root import UnreadableError
from metahub.node.check.unit import Unit
from tests.node.check.trees import write


def unit(root: Path, files: dict[str, str | bytes], name: str = "docker.service") -> Unit:
    """A service of a node of these files."""
    write(root, files)
    return Unit(name, Root(root))


def says(*lines: str) -> str:
    """A file of a unit."""
    return "\n".join(["[Service]", *lines, ""])


def told(found: Unit) -> dict[str, tuple[str, str]]:
    """The variables of a service, with the files that set them."""
    return {name: (setting.value, setting.where) for name, setting in found.settings().items()}


def test_drop_ins_are_read_by_name_wherever_they_lie(tmp_path: Path) -> None:
    """A later one sets a variable again; of two of one name, that of /etc counts."""
    files: dict[str, str | bytes] = {
        "/usr/lib/systemd/system/docker.service": says("Environment=A=unit B=unit C=unit"),
        "/etc/systemd/system/docker.service.d/10-a.conf": says("Environment=A=etc"),
        "/usr/lib/systemd/system/docker.service.d/10-a.conf": says("Environment=A=lib"),
        "/run/systemd/system/docker.service.d/20-b.conf": says("Environment=A=run B=run"),
        "/etc/systemd/system/docker.service.d/30-c.txt": says("Environment=C=no"),
        "/etc/systemd/system/service.d/05-all.conf": says("Environment=A=all D=all"),
    }
    found = unit(tmp_path, files)
    assert told(found) == {
        "A": ("run", "/run/systemd/system/docker.service.d/20-b.conf"),
        "B": ("run", "/run/systemd/system/docker.service.d/20-b.conf"),
        "C": ("unit", "/usr/lib/systemd/system/docker.service"),
        "D": ("all", "/etc/systemd/system/service.d/05-all.conf"),
    }
    assert found.is_there


def test_a_unit_in_etc_stands_before_that_of_the_package(tmp_path: Path) -> None:
    """Nothing of the other is read."""
    files: dict[str, str | bytes] = {
        "/etc/systemd/system/docker.service": says("Environment=A=etc BAD"),
        "/lib/systemd/system/docker.service": says("Environment=A=lib B=lib"),
    }
    assert told(unit(tmp_path, files)) == {"A": ("etc", "/etc/systemd/system/docker.service")}


def test_an_empty_value_takes_back_what_was_said_before(tmp_path: Path) -> None:
    """Of Environment, and of EnvironmentFile."""
    files: dict[str, str | bytes] = {
        "/lib/systemd/system/docker.service": says("Environment=A=1", "EnvironmentFile=/etc/a"),
        "/etc/a": "B=1\n",
        "/etc/systemd/system/docker.service.d/a.conf": says(
            "Environment=", "EnvironmentFile=", "Environment=C=3"
        ),
    }
    assert list(told(unit(tmp_path, files))) == ["C"]


def test_files_of_variables_stand_over_variables(tmp_path: Path) -> None:
    """Also those that are named by the name of the unit, or by a pattern; with - they may lack."""
    files: dict[str, str | bytes] = {
        "/etc/systemd/system/k3s-agent.service": says(
            "EnvironmentFile=-/etc/default/%N",
            "EnvironmentFile=-/etc/no/such/file",
            "EnvironmentFile=/etc/%q/x",
            "EnvironmentFile=/etc/more/*.env",
            "Environment=A=unit",
        ),
        "/etc/default/k3s-agent": "A=default\nB=default\n",
        "/etc/more/1.env": "B=more\n",
        "/etc/systemd/system/k3s-.service.d/a.conf": says("Environment=C=prefix"),
    }
    assert told(unit(tmp_path, files, "k3s-agent.service")) == {
        "A": ("default", "/etc/default/k3s-agent"),
        "B": ("more", "/etc/more/1.env"),
        "C": ("prefix", "/etc/systemd/system/k3s-.service.d/a.conf"),
    }


def test_a_percent_sign_that_is_not_doubled(tmp_path: Path) -> None:
    """Is told with the variable, whose value does not arrive as it stands there."""
    path = "/lib/systemd/system/docker.service"
    found = unit(tmp_path, {path: says("Environment=A=p%40 B=p%%40")}).settings()
    assert found["A"].mistake == "systemd takes a % in it for a specifier of its own"
    assert (found["B"].value, found["B"].mistake) == ("p%40", None)


def test_a_service_that_is_not_installed(tmp_path: Path) -> None:
    """May have drop-ins all the same."""
    path = "/etc/systemd/system/docker.service.d/a.conf"
    found = unit(tmp_path, {path: says("Environment=A=1")})
    assert not found.is_there
    assert told(found) == {"A": ("1", path)}


def test_a_file_that_nobody_can_read(tmp_path: Path) -> None:
    """Its path and the reason are told, and what to do."""
    path = tmp_path / "etc/systemd/system/docker.service.d/a.conf"
    path.parent.mkdir(parents=True)
    path.symlink_to(path)
    with pytest.raises(UnreadableError) as caught:
        Unit("docker.service", Root(tmp_path)).settings()
    assert str(caught.value) == (
        "/etc/systemd/system/docker.service.d/a.conf cannot be read (Too many levels of symbolic"
        " links)."
    )
    assert caught.value.remedy == "Ask again as root, who may read it."
