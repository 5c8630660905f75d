"""Decisions. Values in, values out: no mitmproxy, no file, no socket, no clock, no global."""
