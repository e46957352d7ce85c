using System;
using System.Net.Sockets;
using Ws2Echo.Native;
using static Ws2Echo.Native.NativeMethods;

namespace Ws2Echo
{
    /// <summary>
    /// Something that was wrong with a connection of a <see cref="Load"/>. Over TCP the connection ended with it; over UDP it goes
    /// on after a datagram that is wrong.
    /// </summary>
    public sealed class LoadProblem
    {
        internal LoadProblem(ws2echo_load_problem native)
        {
            Kind = (LoadProblemKind)native.kind;
            Time = Values.Microseconds(native.time_us);
            Connection = (long)native.connection;
            Offset = (long)native.offset;
            Missing = (long)native.missing;
            Error = (SocketError)native.error;
            if (IsOfBytes)
            {
                Expected = native.expected;
                Actual = native.actual;
            }
            if (IsOfBytes && Kind != LoadProblemKind.Corrupt)
            {
                FoundConnection = (long)native.found_connection;
                FoundOffset = (long)native.found_offset;
            }
        }

        /// <summary>What was wrong.</summary>
        public LoadProblemKind Kind { get; }

        /// <summary>Since the load was opened.</summary>
        public TimeSpan Time { get; }

        /// <summary>0, 1, 2, … in the order in which connections were begun.</summary>
        public long Connection { get; }

        /// <summary>
        /// Of the first wrong byte in what the connection received; where that ended, for <see cref="LoadProblemKind.EarlyEnd"/>
        /// and the kinds without a wrong byte.
        /// </summary>
        public long Offset { get; }

        /// <summary>
        /// Of Missing, Repeated and Foreign: the connection that what came belongs to. Null of any other kind.
        /// </summary>
        public long? FoundConnection { get; }

        /// <summary>Of Missing, Repeated and Foreign: the offset that what came belongs to. Null of any other kind.</summary>
        public long? FoundOffset { get; }

        /// <summary>Of <see cref="LoadProblemKind.EarlyEnd"/>: bytes that did not come; else 0.</summary>
        public long Missing { get; }

        /// <summary>Of Unconnected and Broken: the Winsock code; else <see cref="SocketError.Success"/>.</summary>
        public SocketError Error { get; }

        /// <summary>
        /// Of Corrupt, Missing, Repeated and Foreign: the byte that should be there. Null of any other kind. Over UDP no byte is
        /// told: it and <see cref="Actual"/> are the same.
        /// </summary>
        public byte? Expected { get; }

        /// <summary>… and the one that is.</summary>
        public byte? Actual { get; }

        private bool IsOfBytes => Kind <= LoadProblemKind.Foreign;

        /// <summary>One line, for a log.</summary>
        public override string ToString() => $"connection {Connection}: {Kind}" + Kind switch
        {
            _ when IsOfBytes && Expected == Actual => $" at offset {Offset}: a datagram that is not as it was sent",
            LoadProblemKind.Corrupt => $" at offset {Offset}: 0x{Actual:x2} instead of 0x{Expected:x2}",
            LoadProblemKind.Missing => $" at offset {Offset}: what came belongs to offset {FoundOffset}",
            LoadProblemKind.Repeated => $" at offset {Offset}: what came belongs to offset {FoundOffset}",
            LoadProblemKind.Foreign =>
                $" at offset {Offset}: what came belongs to offset {FoundOffset} of connection {FoundConnection}",
            LoadProblemKind.Excess => $" at offset {Offset}",
            LoadProblemKind.EarlyEnd => $" at offset {Offset}: {Missing} bytes did not come",
            _ => $": {ws2echo_error_name((int)Error)} ({(int)Error}): {ws2echo_error_text((int)Error)}",
        };
    }
}
