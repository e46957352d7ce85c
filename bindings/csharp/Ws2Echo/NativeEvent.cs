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
        internal static async Task AnyAsync(int timeoutMs, CancellationToken cancellationToken, params NativeEvent[] events)
        {
            var ended = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
            var waits = new RegisteredWaitHandle?[events.Length];
            using CancellationTokenRegistration cancellation =
                cancellationToken.Register(() => ended.TrySetCanceled(cancellationToken));
            try
            {
                for (int i = 0; i < events.Length; i++)
                {
                    waits[i] = ThreadPool.UnsafeRegisterWaitForSingleObject(
                        events[i], (_, timedOut) => ended.TrySetResult(!timedOut), null, timeoutMs, executeOnlyOnce: true);
                }
                await ended.Task.ConfigureAwait(false);
            }
            catch (ObjectDisposedException)
            {
                return;
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
