"""The command line python -m ws2echo, run in a process of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from programs import Program
from waiting import LIMIT_S


def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ws2echo", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=LIMIT_S * 2,
        check=False,
    )


class Command(Program):
    """A command that goes on until it is told to end. There is no console whose keys could be pressed, so
    what comes on stdin stands for them: a letter for Ctrl-Break, the end for Ctrl-C.
    """

    SCRIPT = """if True:
        import _thread, os, runpy, signal, sys, threading

        def press():
            while os.read(0, 1):
                _thread.interrupt_main(signal.SIGBREAK)
            _thread.interrupt_main()

        threading.Thread(target=press, daemon=True).start()
        sys.argv[0] = "ws2echo"
        runpy.run_module("ws2echo", run_name="__main__")
    """

    def __init__(self, *arguments: str, before: str = "") -> None:
        """`before` is Python that the process runs first."""
        super().__init__(Path(sys.executable), "-c", f"{before}\n{self.SCRIPT}", *arguments)

    def ctrl_break(self) -> None:
        self.tell("b")

    def ctrl_c(self) -> tuple[int, str, str]:
        """Ends it: exit status, what came on stdout and was not read before, and stderr."""
        read = len(self.lines)
        self.end_input()
        status, lines, errors = self.finish()
        return status, "".join(f"{line}\n" for line in lines[read:]), errors


class Serving(Command):
    """A server, on a port that the system chooses unless the arguments name one."""

    def __init__(self, *arguments: str, before: str = "") -> None:
        super().__init__("serve", "--port", "0", *arguments, before=before)
        try:
            self.read_greeting()
        except BaseException:
            self.__exit__()
            raise

    def read_greeting(self) -> None:
        """Of its start, or of its restart."""
        self.greeting = self.read_line()
        found = re.search(r"listening on \S*:(\d+)", self.greeting)
        assert found, self.greeting
        self.port = int(found.group(1))
