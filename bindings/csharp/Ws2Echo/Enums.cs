using Ws2Echo.Native;

namespace Ws2Echo
{
    /// <summary>
    /// How a server does its input and output: the Winsock I/O model. <see cref="Ws2EchoInfo.Models"/> lists those of the DLL.
    /// </summary>
    public enum Model
    {
        /// <summary>A thread per connection that blocks in accept, recv and send. The default.</summary>
        Threads = ws2echo_model.WS2ECHO_MODEL_THREADS,

        /// <summary>Non-blocking sockets and select.</summary>
        Select = ws2echo_model.WS2ECHO_MODEL_SELECT,

        /// <summary>Non-blocking sockets and WSAPoll.</summary>
        Poll = ws2echo_model.WS2ECHO_MODEL_POLL,

        /// <summary>Non-blocking sockets and WSAEventSelect.</summary>
        Event = ws2echo_model.WS2ECHO_MODEL_EVENT,

        /// <summary>Non-blocking sockets and WSAAsyncSelect, on a message-only window.</summary>
        Async = ws2echo_model.WS2ECHO_MODEL_ASYNC,

        /// <summary>Overlapped I/O that signals event objects.</summary>
        Overlapped = ws2echo_model.WS2ECHO_MODEL_OVERLAPPED,

        /// <summary>Overlapped I/O that calls completion routines.</summary>
        Apc = ws2echo_model.WS2ECHO_MODEL_APC,

        /// <summary>Overlapped I/O that ends in a completion port.</summary>
        Iocp = ws2echo_model.WS2ECHO_MODEL_IOCP,
    }

    /// <summary>What the echo service runs over.</summary>
    public enum Protocol
    {
        /// <summary>The echo service of RFC 862 over TCP. The default.</summary>
        Tcp = ws2echo_protocol.WS2ECHO_PROTOCOL_TCP,

        /// <summary>The echo service of RFC 862 over UDP: each datagram is answered by its equal.</summary>
        Udp = ws2echo_protocol.WS2ECHO_PROTOCOL_UDP,

        /// <summary>TCP and UDP on the same addresses and port number. For a server only.</summary>
        Both = ws2echo_protocol.WS2ECHO_PROTOCOL_BOTH,
    }

    /// <summary>How the listening socket of a server is asked for connections.</summary>
    public enum Accept
    {
        /// <summary><see cref="AcceptEx"/> where the model has it, else <see cref="WsaAccept"/>. The default.</summary>
        Default = ws2echo_accept.WS2ECHO_ACCEPT_DEFAULT,

        /// <summary>Several AcceptEx are out at any time, with sockets made ahead.</summary>
        AcceptEx = ws2echo_accept.WS2ECHO_ACCEPT_ACCEPTEX,

        /// <summary>accept or WSAAccept, once for each connection. Every model has it.</summary>
        WsaAccept = ws2echo_accept.WS2ECHO_ACCEPT_WSAACCEPT,
    }

    /// <summary>Which versions of IP to use.</summary>
    public enum Family
    {
        /// <summary>Both, on one port number. The default.</summary>
        Any = ws2echo_family.WS2ECHO_FAMILY_ANY,

        /// <summary>IPv4 only.</summary>
        IPv4 = ws2echo_family.WS2ECHO_FAMILY_IPV4,

        /// <summary>IPv6 only.</summary>
        IPv6 = ws2echo_family.WS2ECHO_FAMILY_IPV6,
    }

    /// <summary>What an event of a server tells.</summary>
    public enum EventKind
    {
        /// <summary>The server listens on an address. One event for each address and protocol.</summary>
        Listening = ws2echo_event_kind.WS2ECHO_EVENT_LISTENING,

        /// <summary>A connection was accepted.</summary>
        Accepted = ws2echo_event_kind.WS2ECHO_EVENT_ACCEPTED,

        /// <summary>
        /// A connection is gone: reason, bytes and duration are final. Over UDP: the socket on
        /// <see cref="ServerEvent.LocalEndPoint"/> serves nobody any more, for want of resources.
        /// </summary>
        Closed = ws2echo_event_kind.WS2ECHO_EVENT_CLOSED,

        /// <summary>
        /// A rule touched a connection, for the first time; over UDP, a datagram. Or, with a
        /// <see cref="ServerEvent.ConnectionId"/> of 0 over TCP, it has taken the listening sockets: nobody is accepted.
        /// </summary>
        Fault = ws2echo_event_kind.WS2ECHO_EVENT_FAULT,
    }

    /// <summary>Why a connection of a server ended.</summary>
    public enum Reason
    {
        /// <summary>It has not ended.</summary>
        None = ws2echo_reason.WS2ECHO_REASON_NONE,

        /// <summary>The peer sent FIN, everything was echoed, and FIN was sent back.</summary>
        Fin = ws2echo_reason.WS2ECHO_REASON_FIN,

        /// <summary>
        /// The connection was reset: by the peer, or by this machine, which <see cref="ServerEvent.Error"/> tells apart.
        /// </summary>
        Reset = ws2echo_reason.WS2ECHO_REASON_RESET,

        /// <summary>
        /// The idle or send timeout ran out, or TCP itself gave the peer up; the server reset the connection.
        /// </summary>
        Timeout = ws2echo_reason.WS2ECHO_REASON_TIMEOUT,

        /// <summary>
        /// More than <see cref="ServerOptions.ConnectionsMax"/>; the server sent FIN at once and echoed nothing.
        /// </summary>
        Cap = ws2echo_reason.WS2ECHO_REASON_CAP,

        /// <summary>The server was stopped or disposed, and reset what was left.</summary>
        Stopped = ws2echo_reason.WS2ECHO_REASON_STOPPED,

        /// <summary>Anything else: <see cref="ServerEvent.Error"/> is the Winsock code.</summary>
        Error = ws2echo_reason.WS2ECHO_REASON_ERROR,

        /// <summary>A fault ended it, as its rule says: <see cref="ServerEvent.Rule"/>.</summary>
        Fault = ws2echo_reason.WS2ECHO_REASON_FAULT,
    }

    /// <summary>What <see cref="Server.WaitFor"/> waits for.</summary>
    public enum Until
    {
        /// <summary>So many connections were accepted since the server was opened.</summary>
        Accepted = ws2echo_until.WS2ECHO_UNTIL_ACCEPTED,

        /// <summary>So many are open, or more.</summary>
        Open = ws2echo_until.WS2ECHO_UNTIL_OPEN,

        /// <summary>So many are open, or fewer; 0: none.</summary>
        OpenAtMost = ws2echo_until.WS2ECHO_UNTIL_OPEN_AT_MOST,

        /// <summary>So many have ended since the server was opened.</summary>
        Closed = ws2echo_until.WS2ECHO_UNTIL_CLOSED,

        /// <summary>Faults have touched connections, or datagrams, so many times.</summary>
        Faults = ws2echo_until.WS2ECHO_UNTIL_FAULTS,

        /// <summary>So many bytes were received since the server was opened, over TCP and UDP.</summary>
        BytesReceived = ws2echo_until.WS2ECHO_UNTIL_RECEIVED,

        /// <summary>The sending of so many bytes has begun, likewise: <see cref="ServerStats.BytesSent"/>.</summary>
        BytesSent = ws2echo_until.WS2ECHO_UNTIL_SENT,
    }

    /// <summary>Which half of a connection.</summary>
    public enum Half
    {
        /// <summary>What the peer sends.</summary>
        Receive = ws2echo_half.WS2ECHO_HALF_RECEIVE,

        /// <summary>What is sent to the peer. Shutting it down sends FIN.</summary>
        Send = ws2echo_half.WS2ECHO_HALF_SEND,

        /// <summary>Both.</summary>
        Both = ws2echo_half.WS2ECHO_HALF_BOTH,
    }

    /// <summary>When a connection of a load sends and receives.</summary>
    public enum LoadPattern
    {
        /// <summary>
        /// It sends the next message when fewer than <see cref="LoadOptions.Depth"/> wait for their answers. The default.
        /// </summary>
        PingPong = ws2echo_load_pattern.WS2ECHO_LOAD_PING_PONG,

        /// <summary>
        /// It sends as long as fewer than <see cref="LoadOptions.WindowBytes"/> wait for their answers, and receives meanwhile.
        /// </summary>
        Stream = ws2echo_load_pattern.WS2ECHO_LOAD_STREAM,
    }

    /// <summary>Which part of what it sent a connection of a load receives, and when.</summary>
    public enum LoadReceive
    {
        /// <summary>All, from the start. The default.</summary>
        Always = ws2echo_load_receive.WS2ECHO_LOAD_RECEIVE_ALWAYS,

        /// <summary>Nothing before <see cref="LoadOptions.ReceiveDelay"/> has passed since it was connected.</summary>
        Late = ws2echo_load_receive.WS2ECHO_LOAD_RECEIVE_LATE,

        /// <summary>By turns: as much as the depth and the window allow is sent, then all of it is received.</summary>
        AfterSent = ws2echo_load_receive.WS2ECHO_LOAD_RECEIVE_AFTER_SENT,

        /// <summary>Nothing: it sends until the peer takes no more, or its limit is reached.</summary>
        Never = ws2echo_load_receive.WS2ECHO_LOAD_RECEIVE_NEVER,
    }

    /// <summary>What was wrong with what a connection of a load received, or with the connection.</summary>
    public enum LoadProblemKind
    {
        /// <summary>A wrong byte, amid right ones; or with too few behind it to tell (22 at most).</summary>
        Corrupt = ws2echo_load_problem_kind.WS2ECHO_LOAD_CORRUPT,

        /// <summary>Bytes were left out: what came belongs to a later offset.</summary>
        Missing = ws2echo_load_problem_kind.WS2ECHO_LOAD_MISSING,

        /// <summary>What came belongs to an earlier offset.</summary>
        Repeated = ws2echo_load_problem_kind.WS2ECHO_LOAD_REPEATED,

        /// <summary>What came belongs to another connection of this load; over UDP, is no answer at all.</summary>
        Foreign = ws2echo_load_problem_kind.WS2ECHO_LOAD_FOREIGN,

        /// <summary>More came back than was sent.</summary>
        Excess = ws2echo_load_problem_kind.WS2ECHO_LOAD_EXCESS,

        /// <summary>FIN came before the whole echo.</summary>
        EarlyEnd = ws2echo_load_problem_kind.WS2ECHO_LOAD_EARLY_END,

        /// <summary>
        /// It could not be connected, or over UDP no datagram was answered: <see cref="LoadProblem.Error"/>.
        /// </summary>
        Unconnected = ws2echo_load_problem_kind.WS2ECHO_LOAD_UNCONNECTED,

        /// <summary>
        /// The connection was reset, ran into a time limit, or failed otherwise: <see cref="LoadProblem.Error"/>.
        /// </summary>
        Broken = ws2echo_load_problem_kind.WS2ECHO_LOAD_BROKEN,
    }
}
