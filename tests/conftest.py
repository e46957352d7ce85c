"""Tests run in two places: those here inside Windows' Python, those in host/ on the machine of the build."""

import sys
from pathlib import Path

import pytest

pytest.register_assert_rewrite("fixtures", "handles", "packages", "programs", "waiting")

if sys.platform == "win32":
    from fixtures import *  # noqa: F403

    collect_ignore = ["host"]
else:
    sys.path.append(str(Path(__file__).resolve().parents[1] / "tools"))
    collect_ignore_glob = ["test_*.py"]
