"""Where the packages to test are, and how long what is done with them may take. For the tests in host/."""

import os
from collections.abc import Callable
from pathlib import Path

SOURCE = Path(os.environ.get("WS2ECHO_SOURCE") or Path(__file__).resolve().parents[1])
BUILD = Path(os.environ.get("WS2ECHO_BUILD") or SOURCE / "build")
DIST = Path(os.environ.get("WS2ECHO_DIST") or SOURCE / "dist")
LIMIT_S = 300.0

RunWindows = Callable[..., str]


def only_one(pattern: str) -> Path:
    """The one file of dist/ whose name fits."""
    found = sorted(DIST.glob(pattern))
    assert len(found) == 1, f"dist/ should hold one {pattern}: {[path.name for path in found]}"
    return found[0]
