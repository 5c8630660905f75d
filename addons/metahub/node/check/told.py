"""What a runtime is told of proxies: by its files, and by what its daemon was started with.

Knows both, and which of them counts. Must not know whether the proxy is any good.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from metahub.node.check import unit_text
from metahub.node.check.daemon import Daemon
from metahub.node.check.node import Node
from metahub.node.check.runtime import Runtime
from metahub.node.check.setting import (
    HTTPS_PROXY,
    NO_PROXY,
    Setting,
    Settings,
    found,
    settings_of,
)
from metahub.node.check.unit import Unit

_LOGIN = re.compile(r"//[^/]*@")


@dataclass(frozen=True, slots=True)
class Told:
    """What the files say, and what the daemon has; None where none runs, or nobody may look."""

    files: Settings = field(repr=False)
    running: Settings | None = field(default=None, repr=False)
    daemon: Daemon | None = None
    is_masked: bool = False
    """Whether the daemon says its proxies without their users and passwords."""

    def setting(self, name: str) -> Setting | None:
        """What is in force, with the file that says it if one does."""
        told = found(self.files, name)
        if self.running is None or self.is_masked:
            return told
        now = found(self.running, name)
        return told if now is None or (told and now.value == told.value) else now

    def not_taken(self, name: str) -> Setting | None:
        """What the files say and the daemon does not have, since it was started before."""
        told = found(self.files, name)
        if self.running is None or told is None or told.mistake:
            return None
        now = found(self.running, name)
        return None if now and self._plain(now.value) == self._plain(told.value) else told

    @property
    def environment(self) -> Mapping[str, str]:
        """Everything that is in force."""
        settings = self.files if self.running is None or self.is_masked else self.running
        return {name: setting.value for name, setting in settings.items()}

    def _plain(self, value: str) -> str:
        return _LOGIN.sub("//", value) if self.is_masked else value


def told(node: Node, runtime: Runtime) -> Told:
    """Look at a runtime of a node. Raises UnreadableError."""
    unit = runtime.unit(node)
    if unit is None:
        return Told(runtime.in_its_words(node, settings_of(node.environment, "the environment")))
    shown = _shown(node, unit)
    read = unit.settings() or _of_openrc(node, runtime, unit)
    loaded = _as_loaded(unit, read, shown.get("Environment", ""))
    files = runtime.in_its_words(node, {**read, **loaded})
    pid = int(shown.get("MainPID", "0"))
    daemon = Daemon.found(node.root, runtime.daemons, pid or None, node.now)
    if daemon is None:
        return Told(files)
    if daemon.environment is None:
        masked = _of_docker(node) if runtime.name == "docker" else None
        return Told(files, masked, daemon, is_masked=masked is not None)
    return Told(files, _running(node, runtime, daemon, daemon.environment), daemon)


def _of_openrc(node: Node, runtime: Runtime, unit: Unit) -> Settings:
    """What MetaHub's set-up has the script of a service read, where systemd starts none."""
    name = unit.name.removesuffix(".service")
    path = f"/etc/metahub/{runtime.name}.env"
    files = (f"/etc/conf.d/{name}", f"/etc/rancher/k3s/{name}.env")
    if unit.is_there or not any(path in (node.root.text(file) or "") for file in files):
        return {}
    return settings_of(unit_text.environment_file(node.root.text(path) or ""), path)


def _shown(node: Node, unit: Unit) -> Mapping[str, str]:
    """What systemd itself says of a service; nothing where it does not run."""
    text = node.ask("systemctl", "show", "--property=Environment,MainPID", unit.name) or ""
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def _as_loaded(unit: Unit, read: Settings, shown: str) -> Settings:
    """What systemd has that no file says. Where one says it, systemd may not have read it yet."""
    words = filter(None, map(unit_text.assignment, unit_text.words(shown)))
    where = f"systemctl show {unit.name}"
    return {name: Setting(name, value, where) for name, value in words if name not in read}


def _running(
    node: Node, runtime: Runtime, daemon: Daemon, environment: Mapping[str, str]
) -> Settings:
    settings = settings_of(environment, f"the environment of {daemon}")
    file = runtime.file
    if file and node.root.has(file) and node.root.changed(file) > daemon.started:
        return settings
    return runtime.in_its_words(node, settings)


def _of_docker(node: Node) -> Settings | None:
    """What docker tells everybody who may ask it, with the passwords masked."""
    text = node.ask("docker", "info", "--format", "{{json .}}")
    try:
        told = json.loads(text or "")
    except ValueError:
        return None
    known = {HTTPS_PROXY: told.get("HttpsProxy"), NO_PROXY: told.get("NoProxy")}
    return settings_of({name: value for name, value in known.items() if value}, "docker info")
