"""Skip what did not change: a stamp holds a hash of all that a step reads; when it differs, the step runs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from workshop.paths import SOURCE, STAMPS

IGNORED = frozenset({"__pycache__", "bin", "obj", ".mypy_cache", ".ruff_cache", ".pytest_cache"})


def files(patterns: Iterable[str]) -> list[Path]:
    """The files of the source that match; a folder stands for all that is in it."""
    found: set[Path] = set()
    for pattern in patterns:
        for path in SOURCE.glob(pattern):
            candidates = path.rglob("*") if path.is_dir() else [path]
            found.update(
                one
                for one in candidates
                if one.is_file() and not IGNORED & set(one.relative_to(SOURCE).parts)
            )
    return sorted(found)


def digest(patterns: Iterable[str], extra: Sequence[str] = ()) -> str:
    result = hashlib.sha256("\0".join(extra).encode())
    for path in files(patterns):
        result.update(f"\0{path.relative_to(SOURCE)}\0".encode())
        result.update(hashlib.sha256(path.read_bytes()).digest())
    return result.hexdigest()


def is_current(name: str, value: str, outputs: Iterable[Path]) -> bool:
    stamp = STAMPS / name
    return stamp.exists() and stamp.read_text() == value and all(output.exists() for output in outputs)


def forget(name: str) -> None:
    (STAMPS / name).unlink(missing_ok=True)


def remember(name: str, value: str) -> None:
    STAMPS.mkdir(parents=True, exist_ok=True)
    (STAMPS / name).write_text(value)
