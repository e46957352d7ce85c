"""Wine 8 fails to start a program once in a while: it is started again."""

import _winapi
from typing import Any

ERROR_INTERNAL_ERROR = 1359  # the new process was gone before it had begun
STARTS = 3


def start_again() -> None:
    """For all that `subprocess` starts in this process."""
    create = _winapi.CreateProcess

    def create_again(*arguments: Any) -> Any:
        for _ in range(STARTS - 1):
            try:
                return create(*arguments)
            except OSError as error:
                if error.winerror != ERROR_INTERNAL_ERROR:
                    raise
        return create(*arguments)

    _winapi.CreateProcess = create_again
