"""Tests run in two places: those here inside Windows' Python, those in host/ on the machine of the build."""

import sys
from collections import Counter
from pathlib import Path

import pytest
import sharing

pytest.register_assert_rewrite(
    "commands", "fixtures", "handles", "packages", "programs", "serving", "waiting"
)

if sys.platform == "win32":
    from endings import ON_WINE
    from fixtures import *  # noqa: F403
    from starting import start_again

    if ON_WINE:
        start_again()
    collect_ignore = ["host"]
else:
    sys.path.append(str(Path(__file__).resolve().parents[1] / "tools"))
    collect_ignore_glob = ["test_*.py"]


PROTOCOLS, FAMILIES = ("TCP", "UDP"), ("IPv4", "IPv6", "both")
TESTS: Counter[str] = Counter()
FAILED: set[str] = set()
MISSING: list[str] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    sharing.add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "alone: needs the machine for itself")
    if folder := config.getoption("share"):
        config.pluginmanager.register(sharing.Sharing(Path(folder), config.getoption("share_as")), "sharing")


def missing_cells(cells: set[str]) -> list[str]:
    """Return the cells that each model must have and that nothing ran in."""
    models = {cell.split("/")[0] for cell in cells}
    wanted = {
        f"{model}/{protocol}/{family}" for model in models for protocol in PROTOCOLS for family in FAMILIES
    }
    return sorted(wanted - cells)


def whole_suite(config: pytest.Config) -> bool:
    """Whether nothing was selected: then no cell may be missing."""
    shared = config.pluginmanager.get_plugin("sharing")
    everything = config.args in (["tests"], []) and not config.getoption("keyword")
    return everything and (shared is None or shared.last)


def _share_cells(config: pytest.Config) -> None:
    """Tell the other runs of this suite of our cells; the last run makes theirs its own."""
    shared = config.pluginmanager.get_plugin("sharing")
    if shared is not None and not shared.last:
        shared.note_cells(TESTS, FAILED)
        TESTS.clear()
    elif shared is not None:
        for tests, failed in shared.cells():
            TESTS.update(tests)
            FAILED.update(failed)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A cell that was lost, by a skip or a parameter gone, fails the run."""
    if sys.platform != "win32":
        return
    _share_cells(session.config)
    if whole_suite(session.config):
        missing = missing_cells(set(TESTS))
        if missing or not TESTS:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
            MISSING.extend(missing or ["all"])


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    cells = [str(value) for name, value in report.user_properties if name == "cell"]
    if report.when == "call" and not report.skipped:
        TESTS.update(cells)
    if report.failed:
        FAILED.update(cells)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell how many cells (model x protocol x family) the conformance suite had, and whether each passed."""
    if MISSING:
        terminalreporter.write_line(f"conformance: cells without a test: {', '.join(MISSING)}", red=True)
    if TESTS:
        bad = f"; failed: {', '.join(sorted(FAILED))}" if FAILED else ", each passed"
        models, protocols, families = (len({cell.split("/")[part] for cell in TESTS}) for part in range(3))
        terminalreporter.write_line(
            f"conformance: {len(TESTS)} cells "
            f"({models} models x {protocols} protocols x {families} families), "
            f"{TESTS.total()} tests{bad}"
        )
