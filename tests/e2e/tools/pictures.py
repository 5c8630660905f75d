"""Where the pictures of the documents lie, and which run writes them anew.

Knows pytest. Must not know what is in a picture. With `--write-screenshots` they are written.
"""

from pathlib import Path

import pytest

_DOCUMENTS = Path(__file__).parents[3] / "docs" / "images"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.addoption(
        "--write-screenshots", action="store_true", help="write the pictures of the documents"
    )


@pytest.fixture
def pictures(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The folder that a test writes a picture to: nobody's, but for `make screenshots`."""
    return _DOCUMENTS if request.config.getoption("--write-screenshots") else tmp_path
