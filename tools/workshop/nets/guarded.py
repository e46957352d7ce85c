"""The tests with a DLL in which each block of memory ends where a page begins that nobody may touch.

A byte written or read behind a block, a block that is freed twice or used once it is freed: each ends the
process at that place. (Wine's own checks of its heap find an overflow only if they look through all of it at
each call, by which one file of the tests takes more than six minutes: they are not used.)
"""

from __future__ import annotations

from workshop import machine, parts
from workshop.nets import in_python
from workshop.nets.net import Figure, Net, Run
from workshop.nets.windows import Programs

# In the quick size: what holds most blocks, in each model.
QUICK_FILES = ("test_python_faults.py", "test_python_udp.py", "test_python_load.py")


def _prepare() -> None:
    machine.debian(parts.CROSS_COMPILER)
    in_python.prepare()


def _work(run: Run) -> list[Figure]:
    programs = Programs(run, "guarded", "-DWS2ECHO_GUARD_PAGES=ON")
    programs.build()
    said = in_python.run_tests(run, "guarded", programs.folder / "ws2echo.dll", QUICK_FILES)
    return [Figure("tests, with a guard page behind each block", said)]


NET = Net("guarded", "A page that nobody may touch behind each block", "windows", _prepare, _work)
