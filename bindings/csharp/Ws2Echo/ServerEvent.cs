using System;
using System.Net;
using System.Net.Sockets;
using Ws2Echo.Native;

namespace Ws2Echo
{
    /// <summary>Something that happened to a <see cref="Server"/>.</summary>
    public sealed class ServerEvent
    {
        internal ServerEvent(ws2echo_event native)
        {
            Kind = (EventKind)native.kind;
            Reason = (Reason)native.reason;
            Error = (SocketError)native.error;
            Sequence = (long)native.sequence;
            Time = Values.Microseconds(native.time_us);
            ConnectionId = (long)native.connection_id;
            Duration = Values.Microseconds(native.duration_us);
            BytesReceived = (long)native.bytes_received;
            BytesSent = (long)native.bytes_sent;
            LocalEndPoint = Values.EndPoint(native.local);
            RemoteEndPoint = Values.EndPoint(native.peer);
            Protocol = (Protocol)native.protocol;
            Rule = (int)native.rule;
            Fault = Kind == EventKind.Fault ? FaultKind.NameOf(native.fault) : null;
            Place = (long)native.place;
        }

        /// <summary>What it tells.</summary>
        public EventKind Kind { get; }

        /// <summary>Why the connection ended; <see cref="Reason.None"/> unless <see cref="EventKind.Closed"/>.</summary>
        public Reason Reason { get; }

        /// <summary>The code behind reason Reset, Timeout or Error, else <see cref="SocketError.Success"/>.</summary>
        public SocketError Error { get; }

        /// <summary>1, 2, 3, … in the order of happening; a gap tells how many events were dropped.</summary>
        public long Sequence { get; }

        /// <summary>Since the server was opened.</summary>
        public TimeSpan Time { get; }

        /// <summary>
        /// 1, 2, 3, … in the order of acceptance; 0 for <see cref="EventKind.Listening"/>, for an <see cref="EventKind.Fault"/> of the
        /// listening sockets (of kind down or never_accept), and over UDP.
        /// </summary>
        public long ConnectionId { get; }

        /// <summary>From accepted to closed; zero unless <see cref="EventKind.Closed"/>.</summary>
        public TimeSpan Duration { get; }

        /// <summary>Bytes from the peer.</summary>
        public long BytesReceived { get; }

        /// <summary>Bytes to the peer.</summary>
        public long BytesSent { get; }

        /// <summary>The server's address; null for an <see cref="EventKind.Fault"/> of the listening sockets, which is of all of them.</summary>
        public IPEndPoint? LocalEndPoint { get; }

        /// <summary>
        /// The peer's address; null for <see cref="EventKind.Listening"/>, for an <see cref="EventKind.Fault"/> of the listening sockets,
        /// and for <see cref="EventKind.Closed"/> over UDP.
        /// </summary>
        public IPEndPoint? RemoteEndPoint { get; }

        /// <summary>
        /// <see cref="Ws2Echo.Protocol.Tcp"/>, or <see cref="Ws2Echo.Protocol.Udp"/>, over which there are no connections: told
        /// are <see cref="EventKind.Listening"/> and <see cref="EventKind.Fault"/>, and <see cref="EventKind.Closed"/> only of a socket
        /// that serves nobody any more, for want of resources.
        /// </summary>
        public Protocol Protocol { get; }

        /// <summary>
        /// The id of the rule, for <see cref="EventKind.Fault"/>, and for <see cref="EventKind.Closed"/> if a fault ended the
        /// connection; else 0.
        /// </summary>
        public int Rule { get; }

        /// <summary>For <see cref="EventKind.Fault"/>, the name of the kind of fault; else null.</summary>
        public string? Fault { get; }

        /// <summary>
        /// For <see cref="EventKind.Fault"/>, where it began to touch the connection, as an offset in its bytes; over UDP the number of
        /// the datagram, 1, 2, 3, …; else 0.
        /// </summary>
        public long Place { get; }

        /// <summary>One line, for a log.</summary>
        public override string ToString() => Kind switch
        {
            EventKind.Listening => $"listening on {LocalEndPoint}" + (Protocol == Protocol.Udp ? " over UDP" : ""),
            EventKind.Accepted => $"accepted {RemoteEndPoint}",
            EventKind.Fault when Protocol == Protocol.Udp =>
                $"fault {Fault} of rule {Rule}: datagram {Place} from {RemoteEndPoint}",
            EventKind.Fault when ConnectionId == 0 => $"fault {Fault} of rule {Rule}: nobody is accepted",
            EventKind.Fault => $"fault {Fault} of rule {Rule} at {Place}: {RemoteEndPoint}",
            _ when Protocol == Protocol.Udp => $"closed {LocalEndPoint} over UDP: {Reason}",
            _ => $"closed {RemoteEndPoint}: {Reason}, " + FormattableString.Invariant(
                $"{BytesReceived} bytes in, {BytesSent} out, {Duration.TotalMilliseconds:F1} ms"),
        };
    }
}
