using System.Net.Sockets;

namespace Ws2Echo
{
    /// <summary>
    /// A call of the library failed. <see cref="SocketException.SocketErrorCode"/> is the Winsock code; the message says what was
    /// being done, to which address, and what to try. Catching <see cref="SocketException"/> is enough.
    /// </summary>
    public sealed class Ws2EchoException : SocketException
    {
        internal Ws2EchoException(int error, string message, long bytesTransferred)
            : base(error)
        {
            Message = message;
            BytesTransferred = bytesTransferred;
        }

        internal Ws2EchoException(Ws2EchoException failure, PingResult pinged)
            : this(failure.ErrorCode, failure.Message, 0)
        {
            Pinged = pinged;
        }

        /// <summary>What was being done, to which address, the error's name and number, and what to try.</summary>
        public override string Message { get; }

        /// <summary>
        /// How far the failed call came: of a send, the bytes that the system took; of an echo, the bytes that came back;
        /// otherwise 0.
        /// </summary>
        public long BytesTransferred { get; }

        /// <summary>How far the failed call of <see cref="Client.Ping"/> came; null of any other.</summary>
        public PingResult? Pinged { get; }
    }
}
