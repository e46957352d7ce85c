using System;
using System.Collections.Generic;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;
using Ws2Echo.Native;
using static Ws2Echo.Native.NativeMethods;

namespace Ws2Echo
{
    /// <content>Faults on demand, and waiting for what a test wants to have happened.</content>
    public sealed partial class Server
    {
        /// <summary>What faults draw their chances from: the same seed touches the same connections.</summary>
        public ulong Seed => Options.Seed;

        /// <summary>The rules in force, in their order.</summary>
        public IReadOnlyList<Fault> Faults
        {
            get
            {
                var faults = new List<Fault>();
                using var native = new ws2echo_fault { size = ws2echo_fault.sizeof_struct() };
                int error;
                while ((error = ws2echo_server_fault_get(_handle, (uint)faults.Count, native)) == 0)
                {
                    faults.Add(new Fault(native));
                }
                return error == Failure.InvalidArgument ? faults : throw Failure.Of(error, this);
            }
        }

        /// <summary>
        /// Adds a rule behind the others. When it returns, connections that are open follow it, too. Blocks for a moment: half a
        /// second at worst.
        /// </summary>
        /// <param name="text">
        /// A kind, its parameters, its conditions: "reset:at=100,toxicity=0.5@every=3". <see cref="Ws2EchoInfo.Faults"/> lists
        /// them.
        /// </param>
        /// <returns>The rule's id.</returns>
        /// <exception cref="SocketException">
        /// InvalidArgument: the message says at which byte the text is wrong, and what may stand there. OperationNotSupported: the
        /// kind is not for the server's protocol. NoBufferSpaceAvailable: there are 32 rules.
        /// </exception>
        public int AddFault(string text)
        {
            uint id = 0;
            WithText(text, native => Failure.ThrowIf(ws2echo_server_fault_add(_handle, native, out id), this));
            return (int)id;
        }

        /// <summary>
        /// Changes what a rule says; its id and its place among the others stay. Blocks as <see cref="RemoveFault"/>.
        /// </summary>
        /// <param name="id">The rule's id.</param>
        /// <param name="text">As for <see cref="AddFault"/>.</param>
        /// <exception cref="SocketException">As <see cref="AddFault"/>; InvalidArgument also when there is no such rule.</exception>
        public void ChangeFault(int id, string text) =>
            WithText(text, native => Failure.ThrowIf(ws2echo_server_fault_change(_handle, (uint)id, native), this));

        /// <summary>
        /// Removes a rule: what it held back goes on, what it ended stays so. Blocks as <see cref="AddFault"/>, and for up to ten
        /// seconds if the port of a server that was down is still in use.
        /// </summary>
        /// <param name="id">The rule's id.</param>
        /// <exception cref="SocketException">
        /// InvalidArgument: there is no such rule. What the system said when a server that was down could not listen again; then the
        /// rule is still there.
        /// </exception>
        public void RemoveFault(int id) => Failure.ThrowIf(ws2echo_server_fault_remove(_handle, (uint)id), this);

        /// <summary>Adds a rule that is in force until the result is disposed: using (server.WithFault("down")) { … }.</summary>
        /// <param name="text">As for <see cref="AddFault"/>.</param>
        /// <returns>What removes the rule.</returns>
        /// <exception cref="SocketException">As <see cref="AddFault"/>.</exception>
        public FaultScope WithFault(string text) => new FaultScope(this, AddFault(text));

        /// <summary>
        /// Waits until the server has come to something: it is so by then, or was before. Takes no event out of the journal.
        /// </summary>
        /// <param name="until">What to wait for.</param>
        /// <param name="count">How many.</param>
        /// <param name="timeout">How long.</param>
        /// <exception cref="SocketException">
        /// TimedOut; Disconnecting when the server was stopped before: it never will.
        /// </exception>
        public void WaitFor(Until until, long count, TimeSpan timeout)
        {
            var wanted = (ulong)Values.NotNegative(count, nameof(count));
            uint timeoutMs = Values.Milliseconds(timeout, nameof(timeout));
            Failure.ThrowIf(ws2echo_server_wait(_handle, (uint)until, wanted, timeoutMs), this);
        }

        /// <summary>
        /// As <see cref="WaitFor"/>, without blocking a thread. It looks again and again, at most 32 milliseconds apart.
        /// </summary>
        /// <param name="until">What to wait for.</param>
        /// <param name="count">How many.</param>
        /// <param name="timeout">How long.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <exception cref="SocketException">As <see cref="WaitFor"/>.</exception>
        /// <exception cref="OperationCanceledException">It was cancelled.</exception>
        public Task WaitForAsync(Until until, long count, TimeSpan timeout, CancellationToken cancellationToken = default)
        {
            var wanted = (ulong)Values.NotNegative(count, nameof(count));
            uint timeoutMs = Values.Milliseconds(timeout, nameof(timeout));
            return Polling.UntilAsync(
                () => ws2echo_server_wait(_handle, (uint)until, wanted, 0), timeoutMs, this, cancellationToken);
        }

        internal void RemoveFaultIfThere(int id)
        {
            int error = ws2echo_server_fault_remove(_handle, (uint)id);
            if (error != 0 && error != Failure.InvalidArgument && error != (int)SocketError.NotSocket)
            {
                throw Failure.Of(error, this);
            }
        }

        private static void WithText(string text, Action<IntPtr> call)
        {
            if (text is null)
            {
                throw new ArgumentNullException(nameof(text));
            }
            if (text.IndexOf('\0', StringComparison.Ordinal) >= 0)
            {
                throw new ArgumentException("A rule has no NUL character.", nameof(text));
            }
            IntPtr native = Marshal.StringToCoTaskMemUTF8(text);
            try
            {
                call(native);
            }
            finally
            {
                Marshal.FreeCoTaskMem(native);
            }
        }
    }
}
