using System;
using Ws2Echo.Native;

namespace Ws2Echo
{
    /// <summary>The counters of a <see cref="Client"/>, each as it was when it was read.</summary>
    public sealed class ClientStats
    {
        internal ClientStats(ws2echo_client_stats native)
        {
            BytesSent = (long)native.bytes_sent;
            BytesReceived = (long)native.bytes_received;
            DatagramsSent = (long)native.datagrams_sent;
            DatagramsReceived = (long)native.datagrams_received;
            DatagramsUnreachable = (long)native.datagrams_unreachable;
            ConnectTime = Values.Microseconds(native.connect_us);
            Uptime = Values.Microseconds(native.uptime_us);
        }

        /// <summary>Bytes that the system took.</summary>
        public long BytesSent { get; }

        /// <summary>Bytes that were received.</summary>
        public long BytesReceived { get; }

        /// <summary>Datagrams sent, over UDP.</summary>
        public long DatagramsSent { get; }

        /// <summary>Datagrams received, over UDP.</summary>
        public long DatagramsReceived { get; }

        /// <summary>Over UDP: calls that told of the peer's closed port (ConnectionReset).</summary>
        public long DatagramsUnreachable { get; }

        /// <summary>From the name resolved to connected.</summary>
        public TimeSpan ConnectTime { get; }

        /// <summary>Time since connected.</summary>
        public TimeSpan Uptime { get; }
    }
}
