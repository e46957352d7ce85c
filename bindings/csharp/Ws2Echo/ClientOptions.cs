using System;
using System.Runtime.InteropServices;
using Ws2Echo.Native;
using static Ws2Echo.Native.NativeMethods;

namespace Ws2Echo
{
    /// <summary>
    /// What a <see cref="Client"/> is opened with. A new object holds the defaults of the DLL; only <see cref="Port"/> must be
    /// set. A setter refuses what cannot be said at all, a negative number, by <see cref="ArgumentOutOfRangeException"/>; limits
    /// are checked when the client is opened, whose <see cref="Ws2EchoException"/> (InvalidArgument) names the option. The
    /// client takes a copy.
    /// </summary>
    public sealed class ClientOptions
    {
        private string? _host;
        private int _port;
        private int _receiveBufferBytes;
        private int _sendBufferBytes;
        private int? _lingerSeconds;

        /// <summary>The defaults.</summary>
        public ClientOptions()
        {
            using var native = new ws2echo_client_options();
            Failure.ThrowIf(ws2echo_client_options_init(native));
            Read(native);
        }

        internal ClientOptions(ws2echo_client_options native, string? host)
        {
            Read(native);
            _host = host;
        }

        private delegate int Opening(ws2echo_client_options native, out ulong id);

        /// <summary>
        /// The protocol. Default <see cref="Ws2Echo.Protocol.Tcp"/>; <see cref="Ws2Echo.Protocol.Both"/> is for servers only.
        /// </summary>
        public Protocol Protocol { get; set; }

        /// <summary>A name or a numeric address, at most 1,023 bytes of UTF-8. Null, the default: "localhost".</summary>
        public string? Host
        {
            get => _host;
            set => _host = Values.Host(value, nameof(value));
        }

        /// <summary>Which of the name's addresses to try. Default <see cref="Family.Any"/>.</summary>
        public Family Family { get; set; }

        /// <summary>1 to 65535. The default, 0, is not a port: it must be set.</summary>
        public int Port
        {
            get => _port;
            set => _port = Values.NotNegative(value, nameof(value));
        }

        /// <summary>For all addresses together, after the name is resolved. Default 10 seconds.</summary>
        public TimeSpan ConnectTimeout
        {
            get => Values.Time(ConnectTimeoutMs);
            set => ConnectTimeoutMs = Values.Milliseconds(value, nameof(value));
        }

        /// <summary>Of sending and echoing: no progress for so long. Default 30 seconds.</summary>
        public TimeSpan SendTimeout
        {
            get => Values.Time(SendTimeoutMs);
            set => SendTimeoutMs = Values.Milliseconds(value, nameof(value));
        }

        /// <summary>Of receiving and echoing: no progress for so long. Default 30 seconds.</summary>
        public TimeSpan ReceiveTimeout
        {
            get => Values.Time(ReceiveTimeoutMs);
            set => ReceiveTimeoutMs = Values.Milliseconds(value, nameof(value));
        }

        /// <summary>TCP_NODELAY. Default true.</summary>
        public bool NoDelay { get; set; }

        /// <summary>SIO_UDP_CONNRESET: whether the system tells that the peer's UDP port is closed. Default true.</summary>
        public bool UdpConnReset { get; set; }

        /// <summary>SO_RCVBUF in bytes, up to 2^30. 0, the default: the system's choice.</summary>
        public int ReceiveBufferBytes
        {
            get => _receiveBufferBytes;
            set => _receiveBufferBytes = Values.NotNegative(value, nameof(value));
        }

        /// <summary>SO_SNDBUF in bytes, up to 2^30. 0, the default: the system's choice.</summary>
        public int SendBufferBytes
        {
            get => _sendBufferBytes;
            set => _sendBufferBytes = Values.NotNegative(value, nameof(value));
        }

        /// <summary>SO_LINGER in seconds, up to 65535; 0: closing resets. Default null: closing is graceful.</summary>
        public int? LingerSeconds
        {
            get => _lingerSeconds;
            set => _lingerSeconds = value is int seconds ? Values.NotNegative(seconds, nameof(value)) : value;
        }

        internal uint ConnectTimeoutMs { get; private set; }

        internal uint SendTimeoutMs { get; private set; }

        internal uint ReceiveTimeoutMs { get; private set; }

        internal ClientOptions Copy() => (ClientOptions)MemberwiseClone();

        /// <summary>Connects. Blocks.</summary>
        internal ClientHandle Open() => Open(ws2echo_client_open);

        /// <summary>Begins to connect. Blocks only while a name is resolved.</summary>
        internal ClientHandle Begin() => Open(ws2echo_client_begin);

        private ClientHandle Open(Opening open)
        {
            using var native = new ws2echo_client_options();
            Failure.ThrowIf(ws2echo_client_options_init(native));
            Write(native);
            IntPtr host = Marshal.StringToCoTaskMemUTF8(Host);
            try
            {
                native.host = host;
                Failure.ThrowIf(open(native, out ulong id));
                return new ClientHandle(id);
            }
            finally
            {
                Marshal.FreeCoTaskMem(host);
            }
        }

        private void Read(ws2echo_client_options native)
        {
            Protocol = (Protocol)native.protocol;
            Family = (Family)native.family;
            _port = (int)native.port;
            ConnectTimeoutMs = native.connect_timeout_ms;
            SendTimeoutMs = native.send_timeout_ms;
            ReceiveTimeoutMs = native.receive_timeout_ms;
            NoDelay = native.no_delay != 0;
            UdpConnReset = native.udp_connreset != 0;
            _receiveBufferBytes = (int)native.receive_buffer_bytes;
            _sendBufferBytes = (int)native.send_buffer_bytes;
            _lingerSeconds = native.linger_s < 0 ? (int?)null : native.linger_s;
        }

        private void Write(ws2echo_client_options native)
        {
            native.protocol = (uint)Protocol;
            native.family = (uint)Family;
            native.port = (uint)_port;
            native.connect_timeout_ms = ConnectTimeoutMs;
            native.send_timeout_ms = SendTimeoutMs;
            native.receive_timeout_ms = ReceiveTimeoutMs;
            native.no_delay = NoDelay ? 1u : 0u;
            native.udp_connreset = UdpConnReset ? 1u : 0u;
            native.receive_buffer_bytes = (uint)_receiveBufferBytes;
            native.send_buffer_bytes = (uint)_sendBufferBytes;
            native.linger_s = _lingerSeconds ?? -1;
        }
    }
}
