using System;
using System.Runtime.InteropServices;
using static Ws2Echo.Native.NativeMethods;

namespace Ws2Echo
{
    /// <summary>
    /// Owns a 64-bit handle of the library, which is why the package is for 64-bit processes only. Calls in progress do not keep
    /// it open: closing must end them, and to the library a closed handle is an error code.
    /// </summary>
    internal abstract class LibraryHandle : SafeHandle
    {
        private readonly object _closing = new object();

        protected LibraryHandle(ulong id)
            : base(IntPtr.Zero, ownsHandle: true)
        {
            SetHandle(unchecked((IntPtr)(long)id));
        }

        public override bool IsInvalid => handle == IntPtr.Zero;

        internal ulong Id => unchecked((ulong)(long)handle);

        /// <summary>
        /// Who disposes second waits until the first has closed the handle. That cannot wait for the second in turn: closing runs
        /// no code of the caller's, and waits only for calls to leave the library. The finaliser takes no lock: it is alone.
        /// </summary>
        protected override void Dispose(bool disposing)
        {
            if (!disposing)
            {
                base.Dispose(disposing);
                return;
            }
            lock (_closing)
            {
                base.Dispose(disposing);
            }
        }
    }

    internal sealed class ServerHandle : LibraryHandle
    {
        internal ServerHandle(ulong id)
            : base(id)
        {
        }

        protected override bool ReleaseHandle() => ws2echo_server_close(this) == 0;
    }

    internal sealed class ClientHandle : LibraryHandle
    {
        internal ClientHandle(ulong id)
            : base(id)
        {
        }

        /// <summary>Whether closing is to reset the connection.</summary>
        internal bool Resets { get; set; }

        protected override bool ReleaseHandle() =>
            (Resets ? ws2echo_client_reset(this) : ws2echo_client_close(this)) == 0;
    }

    internal sealed class LoadHandle : LibraryHandle
    {
        internal LoadHandle(ulong id)
            : base(id)
        {
        }

        protected override bool ReleaseHandle() => ws2echo_load_close(this) == 0;
    }
}
