"""Gathers the cells of the matrix from the reports of its tests, and holds the documents to them.

Knows pytest. Must not know what is tried. With `--write-tables` the documents are written anew.
"""

import pytest

from tests.e2e.matrix.contenders import DOCUMENTS, SUM, SUMMED_UP
from tests.e2e.matrix.tables import Cell, summed_up


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.addoption(
        "--write-tables", action="store_true", help="write what the matrix finds into the documents"
    )


class Recording:
    """The cells of one run, on the process that hears of all tests."""

    def __init__(self, *, writes: bool) -> None:
        self._writes = writes
        self._cells: list[Cell] = []
        self._objections: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what a test noted, once it has passed."""
        if report.when == "call" and report.passed:
            noted = (value for name, value in report.user_properties if name == "cell")
            self._cells += [Cell(**value) for value in noted if isinstance(value, dict)]

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the documents, or fail the run where one says what is not so."""
        cells = [*self._cells, *summed_up(SUM.name, SUMMED_UP, self._cells)]
        for document in DOCUMENTS if cells else ():
            if self._writes:
                document.write(cells)
            else:
                self._objections += document.objections(cells)
        if self._objections:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what a document has wrong, and how it is put right."""
        for objection in self._objections:
            terminalreporter.write_line(f"{objection}; `make tables` writes it anew", red=True)


def pytest_configure(config: pytest.Config) -> None:
    """Listen, unless this process only runs tests for another."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recording(writes=config.getoption("--write-tables")))
