"""What the tests do about programs that Wine does not start."""

import _winapi

import pytest
from starting import ERROR_INTERNAL_ERROR, start_again


@pytest.mark.parametrize(
    ("failures", "starts"),
    [
        ([ERROR_INTERNAL_ERROR] * 2, 3),  # the third succeeds
        ([ERROR_INTERNAL_ERROR] * 9, 3),  # it is no use
        ([2], 1),  # there is no such file
    ],
)
def test_a_start_is_tried_again(monkeypatch: pytest.MonkeyPatch, failures: list[int], starts: int) -> None:
    asked: list[object] = []

    def create(*arguments: object) -> str:
        asked.append(arguments)
        if len(asked) <= len(failures):
            raise OSError(0, "cannot start", None, failures[len(asked) - 1])
        return "started"

    monkeypatch.setattr(_winapi, "CreateProcess", create)
    start_again()
    if len(failures) < starts:
        assert _winapi.CreateProcess("a", "b") == "started"  # type: ignore[call-arg, comparison-overlap]
    else:
        with pytest.raises(OSError, match="cannot start"):
            _winapi.CreateProcess("a", "b")  # type: ignore[call-arg]
    assert asked == [("a", "b")] * starts
