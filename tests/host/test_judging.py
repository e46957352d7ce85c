"""What `./dev test` makes of the end of pytest on the Windows machine, whose exit codes have 8 bits."""

from pathlib import Path

import pytest
from workshop import wine
from workshop.steps import StepError
from workshop.testing import NOTHING_COLLECTED, _judge

ACCESS_VIOLATION = 0xC0000005 & 0xFF


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return tmp_path / "results.xml"


def write(results: Path, *, tests: int, failures: int = 0, errors: int = 0) -> None:
    counts = f'tests="{tests}" failures="{failures}" errors="{errors}"'
    results.write_text(f"<testsuites><testsuite {counts}/></testsuites>")


def test_all_passed(results: Path) -> None:
    write(results, tests=3)
    assert _judge(0, results, 1)


def test_nothing_was_selected(results: Path) -> None:
    write(results, tests=0)
    assert not _judge(NOTHING_COLLECTED, results, 1)


def test_a_crash_is_not_taken_for_nothing_selected(results: Path) -> None:
    assert ACCESS_VIOLATION == NOTHING_COLLECTED
    with pytest.raises(StepError, match="did not come to its end"):
        _judge(ACCESS_VIOLATION, results, 1)


def test_an_end_before_the_results_with_status_0(results: Path) -> None:
    with pytest.raises(StepError, match="did not come to its end"):
        _judge(0, results, 1)


@pytest.mark.parametrize("bad", ["failures", "errors"])
@pytest.mark.parametrize("status", [0, 1])
def test_what_failed_counts_whatever_the_status(results: Path, bad: str, status: int) -> None:
    write(results, tests=3, **{bad: 2})
    with pytest.raises(StepError, match="2 tests failed"):
        _judge(status, results, 1)


def test_another_status_is_a_failure_though_nothing_failed(results: Path) -> None:
    write(results, tests=3)
    with pytest.raises(StepError, match="exit status 3"):
        _judge(3, results, 1)


def test_it_did_not_end_in_time(results: Path) -> None:
    with pytest.raises(StepError, match="did not end within 7 s"):
        _judge(wine.TIMED_OUT, results, 7)
