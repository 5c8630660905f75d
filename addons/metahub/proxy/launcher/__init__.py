"""mitmproxy, started with MetaHub in it. Must not know command lines, nor print."""

from metahub.proxy.launcher.assembly import Tool, assemble
from metahub.proxy.launcher.greeting import Door, Greet, Greeting
from metahub.proxy.launcher.running import run

__all__ = ["Door", "Greet", "Greeting", "Tool", "assemble", "run"]
