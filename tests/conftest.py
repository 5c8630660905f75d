"""What the whole run has in common: the tables and the pictures that the end-to-end tests write."""

pytest_plugins = ["tests.e2e.matrix.recording", "tests.e2e.tools.pictures"]
