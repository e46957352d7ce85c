using System;
using System.Collections.Generic;
using Ws2Echo.Native;

namespace Ws2Echo
{
    /// <summary>The counters of a <see cref="Server"/>: those of connections and events of one moment, those of bytes and datagrams while others may count on.</summary>
    public sealed class ServerStats
    {
        internal ServerStats(ws2echo_server_stats native)
        {
            ConnectionsAccepted = (long)native.connections_accepted;
            ConnectionsCurrent = (long)native.connections_current;
            ConnectionsPeak = (long)native.connections_peak;
            BytesReceived = (long)native.bytes_received;
            BytesSent = (long)native.bytes_sent;
            DatagramsReceived = (long)native.datagrams_received;
            DatagramsSent = (long)native.datagrams_sent;
            DatagramsOversize = (long)native.datagrams_oversize;
            DatagramsUnreachable = (long)native.datagrams_unreachable;
            DatagramsFailed = (long)native.datagrams_failed;
            EventsDropped = (long)native.events_dropped;
            AcceptFailures = (long)native.accept_failures;
            Uptime = Values.Microseconds(native.uptime_us);
            var closed = new Dictionary<Reason, long>();
            foreach (Reason reason in Enum.GetValues(typeof(Reason)))
            {
                closed.Add(reason, (long)native.connections_closed_by((uint)reason));
            }
            ConnectionsClosed = closed;
        }

        /// <summary>Connections since the server was opened, those over the cap included.</summary>
        public long ConnectionsAccepted { get; }

        /// <summary>Connections served now: without those refused for the cap.</summary>
        public long ConnectionsCurrent { get; }

        /// <summary>Most connections served at once.</summary>
        public long ConnectionsPeak { get; }

        /// <summary>Connections that ended, by the reason; every reason has an entry.</summary>
        public IReadOnlyDictionary<Reason, long> ConnectionsClosed { get; }

        /// <summary>Bytes from all peers, over TCP and UDP.</summary>
        public long BytesReceived { get; }

        /// <summary>Bytes to all peers, over TCP and UDP; from when a send begins, less what did not go.</summary>
        public long BytesSent { get; }

        /// <summary>Datagrams from all peers, those that were too long included.</summary>
        public long DatagramsReceived { get; }

        /// <summary>Answers over UDP.</summary>
        public long DatagramsSent { get; }

        /// <summary>Datagrams longer than <see cref="ServerOptions.EchoBufferBytes"/>, and therefore not answered.</summary>
        public long DatagramsOversize { get; }

        /// <summary>How often <see cref="ServerOptions.UdpConnReset"/> told that an answer met a closed port.</summary>
        public long DatagramsUnreachable { get; }

        /// <summary>Answers that could not be sent, and receives that failed for any other reason.</summary>
        public long DatagramsFailed { get; }

        /// <summary>Events that the journal had no room to keep.</summary>
        public long EventsDropped { get; }

        /// <summary>Accept calls that failed for want of resources, and were repeated.</summary>
        public long AcceptFailures { get; }

        /// <summary>Time since the server was opened.</summary>
        public TimeSpan Uptime { get; }
    }
}
