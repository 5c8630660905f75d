"""The files in which a runtime is told of a proxy and of CAs in its own words.

Knows daemon.json, containers.conf and hosts.toml. Must not know which runtime reads which.
"""

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from metahub.core.registry import DOCKER_HUB, Registry
from metahub.node.check.node import Node
from metahub.node.check.root import Root, UnreadableError
from metahub.node.check.setting import HTTP_PROXY, HTTPS_PROXY, NO_PROXY, Setting, Settings

DAEMON_JSON = "/etc/docker/daemon.json"
K3S_HOSTS = "/var/lib/rancher/k3s/agent/etc/containerd/certs.d"

# https://github.com/moby/moby/blob/v28.0.0/cmd/dockerd/daemon.go#L900-L924
_OF_DAEMON_JSON = {"https-proxy": HTTPS_PROXY, "http-proxy": HTTP_PROXY, "no-proxy": NO_PROXY}
_OF_CONTAINERD_ONLY = "CONTAINERD_"
_CERTIFICATES = "*.crt"

_WRAPPERS = ("apptainer", "singularity")
_MADE_BY_US = "MetaHub's set-up"
_EXPORTED = re.compile(r"^export ([A-Z_]+)='([^']*)'$", re.MULTILINE)


def as_it_is(_: Node, settings: Settings) -> Settings:
    """The environment of a runtime that has no words of its own for it."""
    return settings


def with_daemon_json(node: Node, settings: Settings) -> Settings:
    """What daemon.json says in `proxies` stands over the environment, in both spellings."""
    proxies = _parsed(node.root, DAEMON_JSON, json.loads).get("proxies")
    if not isinstance(proxies, Mapping):
        return settings
    told = {
        spelt: Setting(spelt, proxies[key], f"{DAEMON_JSON} (proxies.{key})")
        for key, name in _OF_DAEMON_JSON.items()
        if isinstance(proxies.get(key), str) and proxies[key]
        for spelt in (name, name.lower())
    }
    return {**settings, **told}


def with_k3s_words(_: Node, settings: Settings) -> Settings:
    """What k3s gives to its containerd only stands over what it gives to all.

    https://docs.k3s.io/advanced#configuring-an-http-proxy
    """
    told = {
        name.removeprefix(_OF_CONTAINERD_ONLY): setting
        for name, setting in settings.items()
        if name.startswith(_OF_CONTAINERD_ONLY)
    }
    return {**settings, **told}


def with_containers_conf(node: Node, settings: Settings) -> Settings:
    """The `env` of [engine] stands below the environment in which podman is started."""
    told: dict[str, Setting] = {}
    for path in _containers_conf(node):
        engine = _parsed(node.root, path, tomllib.loads).get("engine", {})
        lines = engine.get("env") if isinstance(engine, Mapping) else None
        if isinstance(lines, list):
            kept = told if {"append": True} in lines else {}
            told = {**kept, **{new.name: new for new in _assigned(lines, path)}}
    return {**told, **settings}


def with_wrapper(node: Node, settings: Settings) -> Settings:
    """What MetaHub's set-up of apptainer has a program before it set."""
    home = node.environment.get("HOME", "/root")
    paths = [f"{folder}/{name}" for name in _WRAPPERS for folder in _bin_folders(home)]
    texts = ((path, node.root.text(path) or "") for path in paths)
    path, text = next((one for one in texts if _MADE_BY_US in one[1]), ("", ""))
    pairs = _EXPORTED.findall(text)
    return {**settings, **{name: Setting(name, value, path) for name, value in pairs}}


def _bin_folders(home: str) -> tuple[str, str]:
    """A user's own set-up stands before that of all."""
    return f"{home}/.local/bin", "/usr/local/bin"


def docker_certificates(node: Node, registry: Registry) -> list[str]:
    """Where docker looks for every registry but Docker Hub."""
    if registry.name == DOCKER_HUB:
        return []
    return node.root.files(f"/etc/docker/certs.d/{registry.name}", _CERTIFICATES)


def containers_certificates(node: Node, registry: Registry) -> list[str]:
    """Of these directories podman, CRI-O and their like look into the first that is there."""
    places = (f"{node.config}/containers", "/etc/containers", "/etc/docker")
    directories = (f"{place}/certs.d/{registry.name}" for place in places)
    first = next(filter(node.root.has, directories), None)
    return node.root.files(first, _CERTIFICATES) if first else []


def containerd_certificates(node: Node, registry: Registry) -> list[str]:
    """Where `config_path` has containerd look; nowhere if it says nothing."""
    config = _parsed(node.root, "/etc/containerd/config.toml", tomllib.loads)
    paths = [path for value in _config_paths(config) for path in value.split(":") if path]
    return [file for path in paths for file in _of_hosts(node.root, path, registry)]


def k3s_certificates(node: Node, registry: Registry) -> list[str]:
    """k3s writes for its containerd what its registries.yaml says."""
    return _of_hosts(node.root, K3S_HOSTS, registry)


def no_certificates(_node: Node, _registry: Registry) -> list[str]:
    """For a runtime that has no place of its own for them."""
    return []


def _parsed(root: Root, path: str, parse: Callable[[str], Any]) -> Mapping[str, Any]:
    text = root.text(path)
    if not text:
        return {}
    try:
        parsed = parse(text)
    except ValueError as error:
        remedy = "Correct it; the runtime cannot read it either."
        raise UnreadableError(path, str(error), remedy) from error
    return parsed if isinstance(parsed, Mapping) else {}


def _containers_conf(node: Node) -> Iterator[str]:
    """https://github.com/containers/common/blob/v0.60.0/docs/containers.conf.5.md"""
    only = node.environment.get("CONTAINERS_CONF")
    if only:
        yield only
    for place in () if only else ("/usr/share", "/etc", node.config):
        yield f"{place}/containers/containers.conf"
        yield from node.root.files(f"{place}/containers/containers.conf.d", "*.conf")
    if last := node.environment.get("CONTAINERS_CONF_OVERRIDE"):
        yield last


def _assigned(lines: list[object], path: str) -> Iterator[Setting]:
    for line in lines:
        if isinstance(line, str) and "=" in line:
            name, _, value = line.partition("=")
            yield Setting(name, value, f"{path} ([engine] env)")


def _config_paths(config: object) -> Iterator[str]:
    """Wherever it stands: the plugin that reads it has another name in each version."""
    if not isinstance(config, Mapping):
        return
    for key, value in config.items():
        if key == "config_path" and isinstance(value, str):
            yield value
        yield from _config_paths(value)


def _of_hosts(root: Root, path: str, registry: Registry) -> list[str]:
    """https://github.com/containerd/containerd/blob/main/docs/hosts.md"""
    names = (registry.name, registry.name.replace(":", "_") + "_", registry.host, "_default")
    directories = (f"{path}/{name}" for name in names)
    directory = next(filter(root.has, directories), None)
    if directory is None:
        return []
    hosts = _parsed(root, f"{directory}/hosts.toml", tomllib.loads)
    if not hosts:
        return root.files(directory, _CERTIFICATES)
    return [str(PurePosixPath(directory) / ca) for ca in _authorities(hosts)]


def _authorities(hosts: Mapping[str, Any]) -> Iterator[str]:
    tables = hosts.get("host")
    of_each = tables.values() if isinstance(tables, Mapping) else ()
    for table in (hosts, *of_each):
        named = table.get("ca", []) if isinstance(table, Mapping) else []
        yield from (ca for ca in (named if isinstance(named, list) else [named]) if ca)
