"""Faults: what kinds there are, as the DLL lists them, and the rules of a server."""

from __future__ import annotations

import errno
import functools
from collections.abc import Iterable
from typing import NamedTuple

from . import _swig
from ._choices import PROTOCOL_NUMBERS, Protocol


class FaultParameter(NamedTuple):
    """A parameter of a kind of fault, or a condition that it can have."""

    name: str
    """As it is written in a rule: ``latency:latency=50``."""
    condition: bool
    """Whether it is a condition, which stands behind ``@``."""
    unit: str
    """``"milliseconds"``, ``"bytes"``, …; empty for a plain number. ``"a fraction"`` is 0 to 1, with at most
    nine decimals.
    """
    least: float
    """The smallest value."""
    most: float
    """The largest value."""
    default: float | None
    """What it is when left out; None: nothing, or it is ``required``."""
    required: bool
    """Whether it must be given."""
    summary: str
    """What it means."""


class FaultKind(NamedTuple):
    """A kind of fault."""

    name: str
    """What a rule begins with."""
    summary: str
    """What it does, in one sentence."""
    protocols: tuple[Protocol, ...]
    """Over what there is it."""
    streams: bool
    """Whether ``stream=upstream`` and ``stream=downstream`` apply."""
    selects: bool
    """Whether ``toxicity`` and the condition ``peers`` apply: not where it is about all that comes."""
    parameters: tuple[FaultParameter, ...]
    """Its own, then its conditions."""


class Fault(NamedTuple):
    """A rule of a server."""

    id: int
    """1, 2, 3, … in the order of addition; never given twice."""
    kind: str
    """The name of its kind."""
    text: str
    """In its canonical form: equal rules have equal texts."""


def _parameters(kind: int) -> tuple[FaultParameter, ...]:
    found: list[FaultParameter] = []
    raw = _swig.FaultParameterInfo()
    while True:
        try:
            _swig.fault_parameter_describe(kind, len(found), raw)
        except OSError:  # WSAEINVAL: there are no more
            return tuple(found)
        found.append(
            FaultParameter(
                name=raw.name,
                condition=bool(raw.condition),
                unit=raw.unit,
                least=raw.least,
                most=raw.most,
                default=None if raw.required or raw.optional else raw.default_value,
                required=bool(raw.required),
                summary=raw.summary,
            )
        )


@functools.cache
def _listed() -> tuple[FaultKind, ...]:
    """The kinds by their numbers. The list is part of the DLL and never changes."""
    found: list[FaultKind] = []
    raw = _swig.FaultInfo()
    while True:
        try:
            _swig.fault_describe(len(found), raw)
        except OSError:  # WSAEINVAL: there are no more
            return tuple(found)
        over = tuple(name for name, number in PROTOCOL_NUMBERS.items() if raw.protocols >> number & 1)
        parameters = _parameters(len(found))
        found.append(FaultKind(raw.name, raw.summary, over, bool(raw.streams), bool(raw.selects), parameters))


def faults() -> tuple[FaultKind, ...]:
    """The kinds of faults that a server can have. Does not block.

    A rule is a text: ``KIND[:NAME=VALUE,...][@CONDITION=VALUE,...]``, as ``"latency:latency=50"`` or
    ``"reset:at=100@every=3"``. Besides a kind's own parameters there are ``stream`` (``upstream``, what the
    server receives, or ``downstream``, the default) and ``toxicity`` (0 to 1, of the connections that the
    conditions select; default 1). Conditions: ``first`` and ``every`` count the connections that come after
    the rule; ``after_bytes`` and ``after_ms`` those of a connection; ``probability`` is 0 to 1; ``peers`` an
    address or a range. ``python -m ws2echo faults`` prints all of it.
    """
    return _listed()


def fault_name(number: int) -> str:
    """The name of a kind, by the number that the DLL has for it."""
    return _listed()[number].name


def faults_of(server: int) -> tuple[Fault, ...]:
    """The rules that are in force for a server, by its handle."""
    found: list[Fault] = []
    raw = _swig.Fault()
    while True:
        try:
            _swig.server_fault_get(server, len(found), raw)
        except OSError as error:
            if error.winerror != errno.WSAEINVAL:
                raise
            return tuple(found)  # there are no more
        found.append(Fault(raw.id, fault_name(raw.kind), raw.text))


def rule_text(text: object) -> str:
    """The text of a rule as the DLL can take it: C ends a string at a NUL."""
    if not isinstance(text, str):
        raise TypeError(f"fault: {text!r} is not a str")
    if "\0" in text:
        raise ValueError("fault: embedded null character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"fault: {text!r} cannot be written in UTF-8") from None
    return text


def rules_text(rules: str | Iterable[str]) -> str | None:
    """Several rules as the DLL takes them."""
    texts = [rules] if isinstance(rules, str) else list(rules)
    return "\n".join(map(rule_text, texts)) or None
