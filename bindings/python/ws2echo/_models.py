"""The I/O models, as the DLL lists them: what it lists can be used, whether `Model` knows its name or not."""

from __future__ import annotations

import contextlib
import functools
from typing import NamedTuple

from . import _swig
from ._choices import ACCEPT_NUMBERS, Accept, Model, none_of


class ModelInfo(NamedTuple):
    """An I/O model of the DLL."""

    name: str
    """What `Server` takes as ``model``."""
    family: str
    """``"blocking"``, ``"readiness"`` or ``"completion"``: what Winsock tells, and when."""
    summary: str
    """What it is, in one sentence."""
    calls: str
    """The Winsock and Win32 calls that it is made of."""
    limits: str
    """What bounds the number of connections, and what a thread of it serves."""
    accepts: tuple[Accept, ...]
    """The ways to accept that it offers, without `Accept.DEFAULT`."""
    workers: bool
    """Whether the option ``workers`` applies."""


@functools.cache
def _listed() -> dict[int, ModelInfo]:
    """The models by their numbers. The list is part of the DLL and never changes."""
    found: dict[int, ModelInfo] = {}
    raw = _swig.ModelInfo()
    while True:
        try:
            _swig.model_describe(len(found), raw)
        except OSError:  # WSAEINVAL: there are no more
            return found
        ways = tuple(way for way, number in ACCEPT_NUMBERS.items() if raw.accepts >> number & 1)
        found[raw.model] = ModelInfo(
            raw.name, raw.family, raw.summary, raw.calls, raw.limits, ways, bool(raw.workers)
        )


def models() -> tuple[ModelInfo, ...]:
    """The I/O models that the DLL offers. Does not block."""
    return tuple(_listed().values())


def model_number(name: str) -> int:
    """The number of the model of this name; ValueError says which there are."""
    for number, info in _listed().items():
        if info.name == name:
            return number
    raise none_of("model", name, [info.name for info in models()])


def model_name(number: int) -> str:
    """The name of the model, as a `Model` if that knows it."""
    name = _listed()[number].name
    with contextlib.suppress(ValueError):
        return Model(name)
    return name
