"""Tests run in two places: those here inside Windows' Python, those in host/ on the machine of the build."""

import sys
from collections import Counter
from pathlib import Path

import pytest

pytest.register_assert_rewrite(
    "commands", "fixtures", "handles", "packages", "programs", "serving", "waiting"
)

if sys.platform == "win32":
    from fixtures import *  # noqa: F403

    collect_ignore = ["host"]
else:
    sys.path.append(str(Path(__file__).resolve().parents[1] / "tools"))
    collect_ignore_glob = ["test_*.py"]


PROTOCOLS, FAMILIES = ("TCP", "UDP"), ("IPv4", "IPv6", "both")
RAN: set[str] = set()
MISSING: list[str] = []


def missing_cells(cells: set[str]) -> list[str]:
    """Return the cells that each model must have and that nothing ran in."""
    models = {cell.split("/")[0] for cell in cells}
    wanted = {
        f"{model}/{protocol}/{family}" for model in models for protocol in PROTOCOLS for family in FAMILIES
    }
    return sorted(wanted - cells)


def whole_suite(config: pytest.Config) -> bool:
    """Whether nothing was selected: then no cell may be missing."""
    return config.args in (["tests"], []) and not config.getoption("keyword")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A cell that was lost, by a skip or a parameter gone, fails the run."""
    if sys.platform == "win32" and whole_suite(session.config):
        missing = missing_cells(RAN)
        if missing or not RAN:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
            MISSING.extend(missing or ["all"])


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" and report.outcome != "skipped":
        RAN.update(
            value for name, value in report.user_properties if name == "cell" and isinstance(value, str)
        )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell how many cells (model x protocol x family) the conformance suite had, and whether each passed."""
    tests: Counter[str] = Counter()
    failed: set[str] = set()
    for outcome in ("passed", "failed", "error"):
        for report in terminalreporter.stats.get(outcome, []):
            for name, value in getattr(report, "user_properties", []):
                if name == "cell":
                    tests[value] += report.when == "call"
                    failed |= {value} if outcome != "passed" else set()
    if MISSING:
        terminalreporter.write_line(f"conformance: cells without a test: {', '.join(MISSING)}", red=True)
    if tests:
        bad = f"; failed: {', '.join(sorted(failed))}" if failed else ", each passed"
        models, protocols, families = (len({cell.split("/")[part] for cell in tests}) for part in range(3))
        terminalreporter.write_line(
            f"conformance: {len(tests)} cells "
            f"({models} models x {protocols} protocols x {families} families), "
            f"{tests.total()} tests{bad}"
        )
