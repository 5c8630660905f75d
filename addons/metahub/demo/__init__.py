"""The scene of `metahub demo`: an image in four builds, a registry, a pulling client, a table.

Knows core and nothing else of the package; the proxy is another program here.
"""
