using System.IO;

namespace Ws2Echo
{
    /// <summary>
    /// What came back is not what was sent: the peer is no echo server, or a faulty one. Over TCP as many bytes came back; over
    /// UDP the answer may be shorter, or longer.
    /// </summary>
    public sealed class EchoMismatchException : IOException
    {
        internal EchoMismatchException(long offset, int sentLength, byte[] reply)
            : base(MessageOf(offset, sentLength, reply.Length))
        {
            Offset = offset;
            Reply = reply;
        }

        /// <summary>
        /// Where the first wrong byte is, counted from 0; where one is the beginning of the other, the end of the shorter.
        /// </summary>
        public long Offset { get; }

        /// <summary>What came back; of an answer that is longer than what was sent, no more than that.</summary>
        public byte[] Reply { get; }

        private static string MessageOf(long offset, int sent, int back) =>
            offset >= sent ? $"{sent} bytes were sent, but more came back."
            : offset >= back ? $"{sent} bytes were sent, but {back} came back."
            : $"The reply differs from what was sent, first at offset {offset} of {sent}.";
    }
}
