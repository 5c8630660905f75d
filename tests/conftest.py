"""What the whole run has in common: the tables that the end-to-end tests write."""

pytest_plugins = ["tests.e2e.matrix.recording"]
