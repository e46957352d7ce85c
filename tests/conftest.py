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
    if tests:
        bad = f"; failed: {', '.join(sorted(failed))}" if failed else ", each passed"
        models, protocols, families = (len({cell.split("/")[part] for cell in tests}) for part in range(3))
        terminalreporter.write_line(
            f"conformance: {len(tests)} cells "
            f"({models} models x {protocols} protocols x {families} families), "
            f"{tests.total()} tests{bad}"
        )
