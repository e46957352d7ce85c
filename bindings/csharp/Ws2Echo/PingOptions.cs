using System;
using Ws2Echo.Native;
using static Ws2Echo.Native.NativeMethods;

namespace Ws2Echo
{
    /// <summary>
    /// How <see cref="Client.Ping"/> asks. A new object holds the defaults of the DLL. A setter refuses what cannot be said at
    /// all, a negative number, by <see cref="ArgumentOutOfRangeException"/>; limits are checked by the call, whose
    /// <see cref="Ws2EchoException"/> (InvalidArgument) names the option.
    /// </summary>
    public sealed class PingOptions
    {
        private long _datagrams;
        private int _datagramBytes;
        private int _window;
        private uint _intervalUs;
        private uint _replyTimeoutMs;

        /// <summary>The defaults.</summary>
        public PingOptions()
        {
            using var native = new ws2echo_ping_options();
            Failure.ThrowIf(ws2echo_ping_options_init(native));
            _datagrams = (long)native.datagrams;
            _datagramBytes = (int)native.datagram_bytes;
            _window = (int)native.window;
            _intervalUs = native.interval_us;
            _replyTimeoutMs = native.reply_timeout_ms;
        }

        /// <summary>How many datagrams to send: 1 to 2^40. Default 10.</summary>
        public long Datagrams
        {
            get => _datagrams;
            set => _datagrams = Values.NotNegative(value, nameof(value));
        }

        /// <summary>How long each is: 16 to 65507 bytes. Default 64.</summary>
        public int DatagramBytes
        {
            get => _datagramBytes;
            set => _datagramBytes = Values.NotNegative(value, nameof(value));
        }

        /// <summary>Datagrams that may wait for their answers at once: 1 to 1024. Default 1.</summary>
        public int Window
        {
            get => _window;
            set => _window = Values.NotNegative(value, nameof(value));
        }

        /// <summary>Least time between two sendings, up to 1000 seconds. Default zero.</summary>
        public TimeSpan Interval
        {
            get => Values.Microseconds((ulong)_intervalUs);
            set => _intervalUs = Values.Microseconds(value, nameof(value));
        }

        /// <summary>An answer that has not come for so long is lost. Above zero; default 1 second.</summary>
        public TimeSpan ReplyTimeout
        {
            get => Values.Time(_replyTimeoutMs);
            set => _replyTimeoutMs = Values.Milliseconds(value, nameof(value));
        }

        internal ws2echo_ping_options ToNative()
        {
            var native = new ws2echo_ping_options();
            Failure.ThrowIf(ws2echo_ping_options_init(native));
            native.datagrams = (ulong)_datagrams;
            native.datagram_bytes = (uint)_datagramBytes;
            native.window = (uint)_window;
            native.interval_us = _intervalUs;
            native.reply_timeout_ms = _replyTimeoutMs;
            return native;
        }
    }
}
