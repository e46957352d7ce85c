using System;
using System.Collections.Generic;
using System.Linq;
using Ws2Echo.Native;

namespace Ws2Echo
{
    /// <summary>What a <see cref="Load"/> has counted since it was opened.</summary>
    public sealed class LoadStats
    {
        internal LoadStats(ws2echo_load_stats native)
        {
            Finished = native.finished != 0;
            ConnectionsBegun = (long)native.connections_begun;
            ConnectionsConnected = (long)native.connections_connected;
            ConnectionsCurrent = (long)native.connections_current;
            ConnectionsFinished = (long)native.connections_finished;
            Messages = (long)native.messages;
            BytesSent = (long)native.bytes_sent;
            BytesReceived = (long)native.bytes_received;
            DatagramsLost = (long)native.datagrams_lost;
            DatagramsLate = (long)native.datagrams_late;
            DatagramsDuplicated = (long)native.datagrams_duplicated;
            DatagramsReordered = (long)native.datagrams_reordered;
            DatagramsCorrupt = (long)native.datagrams_corrupt;
            DatagramsForeign = (long)native.datagrams_foreign;
            DatagramsUnreachable = (long)native.datagrams_unreachable;
            Elapsed = Values.Microseconds(native.elapsed_us);
            Active = Values.Microseconds(native.active_us);
            MessagesOwed = (long)native.messages_owed;
            MessagesTimed = (long)native.messages_timed;
            TimerLate = Values.Microseconds(native.timer_late_us);
            TimerLateMax = Values.Microseconds(native.timer_late_max_us);
            var problems = new Dictionary<LoadProblemKind, long>();
            foreach (LoadProblemKind kind in Enum.GetValues(typeof(LoadProblemKind)))
            {
                problems.Add(kind, (long)native.problems_of((uint)kind));
            }
            Problems = problems;
        }

        /// <summary>Whether every connection has ended, and no further one will begin.</summary>
        public bool Finished { get; }

        /// <summary>Connections begun.</summary>
        public long ConnectionsBegun { get; }

        /// <summary>Connections that were connected; over UDP, that had an answer.</summary>
        public long ConnectionsConnected { get; }

        /// <summary>Connections that are connected and have not ended.</summary>
        public long ConnectionsCurrent { get; }

        /// <summary>
        /// Connections that ended well: everything that was to come back came (over UDP one answer at least), and the
        /// end as it should be.
        /// </summary>
        public long ConnectionsFinished { get; }

        /// <summary>
        /// Problems, by their kind; every kind has an entry. Over TCP a connection has one at most.
        /// </summary>
        public IReadOnlyDictionary<LoadProblemKind, long> Problems { get; }

        /// <summary>Messages that were answered, each byte right; those of the warm-up included.</summary>
        public long Messages { get; }

        /// <summary>Bytes sent.</summary>
        public long BytesSent { get; }

        /// <summary>Bytes received.</summary>
        public long BytesReceived { get; }

        /// <summary>
        /// Over UDP: datagrams whose answer did not come within <see cref="LoadOptions.ReplyTimeout"/>.
        /// </summary>
        public long DatagramsLost { get; }

        /// <summary>Answers of those, that came after all.</summary>
        public long DatagramsLate { get; }

        /// <summary>Answers that came a second time, or more often.</summary>
        public long DatagramsDuplicated { get; }

        /// <summary>Answers that came after the answer of a later datagram (RFC 4737).</summary>
        public long DatagramsReordered { get; }

        /// <summary>Answers with a wrong byte or length.</summary>
        public long DatagramsCorrupt { get; }

        /// <summary>Datagrams that came and are no answer at all.</summary>
        public long DatagramsForeign { get; }

        /// <summary>How often the system told that the peer's port is closed (ConnectionReset).</summary>
        public long DatagramsUnreachable { get; }

        /// <summary>Since the load was opened; stands still once it has finished.</summary>
        public TimeSpan Elapsed { get; }

        /// <summary>
        /// Until a byte moved last: what a rate is counted over, or waiting for an answer that never comes would be
        /// part of it. While the load runs, as <see cref="Elapsed"/>.
        /// </summary>
        public TimeSpan Active { get; }

        /// <summary>
        /// With a rate: messages that were due before the end and did not begin, as their connection waited for
        /// answers until then, had broken, or was never connected. No histogram has them, nor those that began and had
        /// no answer: latencies look better by what these would have shown. 0 until the load has finished.
        /// </summary>
        public long MessagesOwed { get; }

        /// <summary>
        /// With a rate: messages for which nothing was waited for but their time; of connections that have ended.
        /// </summary>
        public long MessagesTimed { get; }

        /// <summary>
        /// By how much those began too late, all together: so late are the timers of this end, and it is in the
        /// latency of each.
        /// </summary>
        public TimeSpan TimerLate { get; }

        /// <summary>The most of one.</summary>
        public TimeSpan TimerLateMax { get; }

        /// <summary>One line, for a log.</summary>
        public override string ToString() => $"{Messages} messages, {ConnectionsFinished} of {ConnectionsBegun} connections finished"
            + FormattableString.Invariant(
                $", {Problems.Values.Sum()} problems, {DatagramsLost} datagrams lost, {Elapsed.TotalSeconds:F3} s");
    }
}
