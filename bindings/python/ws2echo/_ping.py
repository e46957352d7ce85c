"""Asking a UDP echo server again and again: how, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from . import _swig


@dataclass(frozen=True)
class PingResult:
    """What came of a `Client.ping`. Of one that ran to its end, each datagram was answered or is lost."""

    sent: int
    """Datagrams sent."""
    received: int
    """Datagrams answered in time, each counted once."""
    lost: int
    """Datagrams whose answer did not come within the reply timeout."""
    late: int
    """Answers of those, that came after all."""
    duplicated: int
    """Answers that came a second time, or more often."""
    reordered: int
    """Answers that came after the answer of a later datagram (RFC 4737)."""
    corrupt: int
    """Answers with a wrong byte or length."""
    foreign: int
    """Datagrams that came and are no answer at all, or answers to an earlier ping."""
    unreachable: int
    """How often the system told that the peer's port is closed (WSAECONNRESET)."""
    rtt_min: float | None
    """Least round-trip time of the answers in time, in seconds; None if there were none."""
    rtt_avg: float | None
    """Their mean."""
    rtt_max: float | None
    """The greatest."""
    elapsed: float
    """Seconds that it took."""

    @property
    def loss_ratio(self) -> float:
        """The part of the datagrams that is lost, 0 to 1; 0 if none was sent."""
        return self.lost / self.sent if self.sent else 0.0

    @classmethod
    def of(cls, raw: _swig.PingProgress) -> Self:
        """From the C struct."""
        count = raw.received
        return cls(
            sent=raw.sent,
            received=count,
            lost=raw.lost,
            late=raw.late,
            duplicated=raw.duplicated,
            reordered=raw.reordered,
            corrupt=raw.corrupt,
            foreign=raw.foreign,
            unreachable=raw.unreachable,
            rtt_min=raw.rtt_min_us / 1e6 if count else None,
            rtt_avg=raw.rtt_sum_us / count / 1e6 if count else None,
            rtt_max=raw.rtt_max_us / 1e6 if count else None,
            elapsed=raw.elapsed_us / 1e6,
        )
