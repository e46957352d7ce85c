"""Programs that end with everything open: their last word is that they end."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from programs import run_mixed

LAST_WORD = "end\n"
TRIES = 3
TRY_LIMIT_S = 120.0
# What a test of one such program may take.
END_LIMIT_S = TRIES * TRY_LIMIT_S + 60.0


def end_of(command: Sequence[str]) -> tuple[int, str]:
    """With what status a program ends, and all that it printed.

    Wine 8 ends the other threads first, wherever they are. If one of them was looking up the file of a
    socket, the lock of that table is never given back, and the last thread waits for it when it is told that
    a receive of an ended thread is done: seen in one run of a hundred, in one of ten where many bytes come
    and go. So a program that said its last word and did not go away is run again.
    """
    for _ in range(TRIES):
        try:
            ended = run_mixed(command, TRY_LIMIT_S)
        except subprocess.TimeoutExpired as expired:
            if str(expired.stdout) != LAST_WORD:
                raise
        else:
            return ended.returncode, ended.stdout
    raise AssertionError(f"{TRIES} times it said its last word, and stayed")
