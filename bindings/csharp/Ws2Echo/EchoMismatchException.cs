using System.IO;

namespace Ws2Echo
{
    /// <summary>
    /// As many bytes came back as were sent, but not the same ones: the peer is no echo server, or a faulty one.
    /// </summary>
    public sealed class EchoMismatchException : IOException
    {
        internal EchoMismatchException(long offset, byte[] reply)
            : base($"The reply differs from what was sent, first at offset {offset} of {reply.Length}.")
        {
            Offset = offset;
            Reply = reply;
        }

        /// <summary>Where the first wrong byte is, counted from 0.</summary>
        public long Offset { get; }

        /// <summary>What came back, all of it.</summary>
        public byte[] Reply { get; }
    }
}
