using System;
using System.Net.Sockets;
using static Ws2Echo.Native.NativeMethods;

namespace Ws2Echo
{
    /// <summary>
    /// Turns the library's results into exceptions. To be called on the thread that made the call, right after it.
    /// </summary>
    internal static class Failure
    {
        internal const int TimedOut = (int)SocketError.TimedOut;
        internal const int Stopped = (int)SocketError.Disconnecting;
        internal const int InvalidArgument = (int)SocketError.InvalidArgument;
        private const int NotSocket = (int)SocketError.NotSocket;
        private const int OperationAborted = (int)SocketError.OperationAborted;

        internal static void ThrowIf(int error, object? owner = null)
        {
            if (error != 0)
            {
                throw Of(error, owner);
            }
        }

        /// <param name="error">The result of the call.</param>
        /// <param name="owner">The object whose handle the call was made with.</param>
        /// <param name="bytesTransferred">How far the call came.</param>
        /// <param name="begun">The call goes on with one that was begun before: it began on an open handle.</param>
        internal static Exception Of(int error, object? owner, long bytesTransferred = 0, bool begun = false)
        {
            // The handle is the owner's alone: if the library does not know it any more, the owner was disposed.
            if (error != NotSocket || owner is null)
            {
                return new Ws2EchoException(error, ws2echo_last_failure(), bytesTransferred);
            }
            return begun ? Aborted(owner, bytesTransferred) : (Exception)new ObjectDisposedException(owner.GetType().FullName);
        }

        internal static bool IsEndOfEvents(int error) => error == Stopped || error == OperationAborted;

        private static Ws2EchoException Aborted(object owner, long bytesTransferred)
        {
            string name = ws2echo_error_name(OperationAborted);
            string text = ws2echo_error_text(OperationAborted);
            return new Ws2EchoException(
                OperationAborted, $"{owner.GetType().Name}: {name} ({OperationAborted}): {text}", bytesTransferred);
        }
    }
}
