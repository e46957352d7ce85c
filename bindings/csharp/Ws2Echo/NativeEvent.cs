using System;
using System.Threading;
using System.Threading.Tasks;
using Microsoft.Win32.SafeHandles;

namespace Ws2Echo
{
    /// <summary>An event object of Windows that the library signals; awaited without blocking a thread of the pool.</summary>
    internal sealed class NativeEvent : WaitHandle
    {
        internal NativeEvent(IntPtr handle) => SafeWaitHandle = new SafeWaitHandle(handle, ownsHandle: true);

        /// <summary>
        /// Returns when one of the events is signalled, or after the time. An event that was closed counts as signalled: its
        /// owner was disposed, and the next call to the library says so.
        /// </summary>
        /// <returns>Whether one was signalled before there was anything to wait for.</returns>
        internal static async Task<bool> AnyAsync(int timeoutMs, CancellationToken cancellationToken, params NativeEvent[] events)
        {
            var ended = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
            bool atOnce = false;
            var waits = new RegisteredWaitHandle?[events.Length];
            using CancellationTokenRegistration cancellation =
                cancellationToken.Register(() => ended.TrySetCanceled(cancellationToken));
            try
            {
                for (int i = 0; i < events.Length; i++)
                {
                    atOnce |= events[i].WaitOne(0);
                    waits[i] = ThreadPool.UnsafeRegisterWaitForSingleObject(
                        events[i], (_, timedOut) => ended.TrySetResult(!timedOut), null, timeoutMs, executeOnlyOnce: true);
                }
                await ended.Task.ConfigureAwait(false);
                return atOnce;
            }
            catch (ObjectDisposedException)
            {
                return false;
            }
            finally
            {
                foreach (RegisteredWaitHandle? wait in waits)
                {
                    wait?.Unregister(null);
                }
            }
        }
    }
}
