"""The machine, and which version of what ran on it.

Knows where Linux and programs say it. Must not know what was measured.
"""

import os
import platform
import re
import shutil
import ssl
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from metahub.demo import docker_registry

_NUMBER = re.compile(r"\d+(?:\.\d+)+\S*")


def described() -> Mapping[str, str]:
    """What a reader has to know to compare figures with others."""
    return {
        "CPU": f"{_cpu()}, {len(os.sched_getaffinity(0))} cores",
        "memory": f"{_memory():.0f} GiB",
        "kernel": platform.release(),
        "Python": platform.python_version(),
        "mitmproxy": version("mitmproxy"),
        "OpenSSL": f"{ssl.OPENSSL_VERSION} (Python's)",
        "squid": _said("squid", "-v"),
        "nginx": _said("nginx", "-v"),
        "docker-registry": _said(docker_registry.COMMAND, "--version"),
    }


def _cpu() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", _text("/proc/cpuinfo"), re.MULTILINE)
    return found[1] if found else platform.machine()


def _memory() -> float:
    found = re.search(r"^MemTotal:\s+(\d+) kB$", _text("/proc/meminfo"), re.MULTILINE)
    return int(found[1]) / (1 << 20) if found else 0


def _text(path: str) -> str:
    return Path(path).read_text(errors="replace")


def _said(command: str, argument: str) -> str:
    """The first number of a version that a program says, on whichever output."""
    if shutil.which(command) is None:
        return "not installed"
    asked = subprocess.run([command, argument], capture_output=True, text=True, check=False)
    found = _NUMBER.search(asked.stdout + asked.stderr)
    return found[0] if found else "unknown"
