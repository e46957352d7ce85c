"""Where things are. Nothing outside of the cache, build/ and dist/ is ever written."""

from __future__ import annotations

import os
import re
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
BUILD = SOURCE / "build"
DIST = SOURCE / "dist"
LOGS = BUILD / "logs"
STAMPS = BUILD / "stamps"
WIN64 = BUILD / "win64"
HOST = BUILD / "host"
BENCH_WIN64 = BUILD / "bench-win64"
BENCH_PLAIN = BUILD / "bench-win64-without-faults"
BENCH_NATIVE = BUILD / "bench-native"
SITE = BUILD / "site"
REQUIREMENTS = SOURCE / "tools" / "requirements"


def _cache() -> Path:
    root = os.environ.get("WS2ECHO_CACHE") or os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root).absolute() / "ws2echo"


CACHE = _cache()


def windows_path(path: Path) -> str:
    """The path as a program inside Wine names it: its drive Z: is the root of the host."""
    return "Z:" + str(path.absolute()).replace("/", "\\")


def version() -> str:
    """The version of ws2echo, written once, in the header."""
    found = re.search(
        r'#define\s+WS2ECHO_VERSION\s+"([^"]+)"', (SOURCE / "include" / "ws2echo.h").read_text("utf-8")
    )
    if not found:
        raise ValueError("include/ws2echo.h has no WS2ECHO_VERSION")
    return found.group(1)
