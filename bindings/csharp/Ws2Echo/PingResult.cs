using System;
using Ws2Echo.Native;

namespace Ws2Echo
{
    /// <summary>
    /// What came of <see cref="Client.Ping"/>. Of one that ran to its end, each datagram was answered or is lost.
    /// </summary>
    public sealed class PingResult
    {
        internal PingResult(ws2echo_ping_progress native)
        {
            Sent = (long)native.sent;
            Received = (long)native.received;
            Lost = (long)native.lost;
            Late = (long)native.late;
            Duplicated = (long)native.duplicated;
            Reordered = (long)native.reordered;
            Corrupt = (long)native.corrupt;
            Foreign = (long)native.foreign;
            Unreachable = (long)native.unreachable;
            if (native.received > 0)
            {
                RoundTripMin = Values.Microseconds(native.rtt_min_us);
                RoundTripAverage = Values.Microseconds(native.rtt_sum_us / native.received);
                RoundTripMax = Values.Microseconds(native.rtt_max_us);
            }
            Elapsed = Values.Microseconds(native.elapsed_us);
        }

        /// <summary>Datagrams sent.</summary>
        public long Sent { get; }

        /// <summary>Datagrams answered in time, each counted once.</summary>
        public long Received { get; }

        /// <summary>Datagrams whose answer did not come within <see cref="PingOptions.ReplyTimeout"/>.</summary>
        public long Lost { get; }

        /// <summary>Answers of those, that came after all.</summary>
        public long Late { get; }

        /// <summary>Answers that came a second time, or more often.</summary>
        public long Duplicated { get; }

        /// <summary>Answers that came after the answer of a later datagram (RFC 4737).</summary>
        public long Reordered { get; }

        /// <summary>Answers with a wrong byte or length.</summary>
        public long Corrupt { get; }

        /// <summary>Datagrams that came and are no answer at all, or answers to an earlier ping.</summary>
        public long Foreign { get; }

        /// <summary>How often the system told that the peer's port is closed (ConnectionReset).</summary>
        public long Unreachable { get; }

        /// <summary>The part of the datagrams that is lost, 0 to 1; 0 if none was sent.</summary>
        public double LossRatio => Sent == 0 ? 0 : (double)Lost / Sent;

        /// <summary>Least round-trip time of the answers in time; null if there were none.</summary>
        public TimeSpan? RoundTripMin { get; }

        /// <summary>Their mean; null if there were none.</summary>
        public TimeSpan? RoundTripAverage { get; }

        /// <summary>The greatest; null if there were none.</summary>
        public TimeSpan? RoundTripMax { get; }

        /// <summary>Since the call began.</summary>
        public TimeSpan Elapsed { get; }

        /// <summary>One line, for a log.</summary>
        public override string ToString() => FormattableString.Invariant(
            $"{Sent} sent, {Received} received, {Lost} lost ({LossRatio:P1}), {Elapsed.TotalSeconds:F3} s");
    }
}
