using System;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Threading;

namespace Ws2Echo.Tests
{
    /// <summary>Data, and peers that are not of the library.</summary>
    internal static class Peers
    {
        /// <summary>Bytes of every value, NULs included, different for each seed.</summary>
        internal static byte[] Pattern(int length, int seed = 1)
        {
            var data = new byte[length];
            new Random(seed).NextBytes(data);
            if (length > 2)
            {
                data[1] = 0;
            }
            return data;
        }

        internal static byte[] ReadExactly(Stream stream, int length)
        {
            var data = new byte[length];
            for (int at = 0; at < length;)
            {
                int read = stream.Read(data, at, length - at);
                Check.That(read > 0, $"the stream ended after {at} of {length} bytes");
                at += read;
            }
            return data;
        }

        /// <summary>A port of the loopback on which nothing listens.</summary>
        internal static int UnusedPort()
        {
            using var server = new Server(new ServerOptions { Host = "127.0.0.1" });
            return server.Port;
        }

        /// <summary>A listener of .NET that serves one connection on a thread of its own, in the way given.</summary>
        internal sealed class Listener : IDisposable
        {
            private readonly TcpListener _listener = new TcpListener(IPAddress.Loopback, 0);
            private readonly Thread _thread;
            private Exception? _failure;

            internal Listener(Action<Socket> serve)
            {
                _listener.Start();
                _thread = new Thread(() => Run(serve)) { IsBackground = true };
                _thread.Start();
            }

            internal int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

            public void Dispose()
            {
                _listener.Stop();
                Check.That(_thread.Join(Check.Patience), "the listener's thread did not end");
            }

            /// <summary>Waits until the connection was served, and tells what went wrong.</summary>
            internal void Finish()
            {
                Check.That(_thread.Join(Check.Patience), "the listener's thread did not end");
                Check.That(_failure is null, $"the peer: {_failure}");
            }

            private void Run(Action<Socket> serve)
            {
                try
                {
                    using Socket socket = _listener.AcceptSocket();
                    serve(socket);
                }
                catch (Exception failure)
                {
                    _failure = failure;
                }
            }
        }

        /// <summary>A listener of .NET that gives each of two connections what the other one sent, once.</summary>
        internal sealed class Crossed : IDisposable
        {
            private readonly TcpListener _listener = new TcpListener(IPAddress.Loopback, 0);
            private readonly Thread _thread;

            internal Crossed()
            {
                _listener.Start();
                _thread = new Thread(Run) { IsBackground = true };
                _thread.Start();
            }

            internal int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

            public void Dispose()
            {
                _listener.Stop();
                Check.That(_thread.Join(Check.Patience), "the listener's thread did not end");
            }

            private void Run()
            {
                try
                {
                    using Socket first = _listener.AcceptSocket();
                    using Socket second = _listener.AcceptSocket();
                    var ofFirst = new byte[4096];
                    var ofSecond = new byte[4096];
                    int fromFirst = first.Receive(ofFirst);
                    int fromSecond = second.Receive(ofSecond);
                    first.Send(ofSecond, fromSecond, SocketFlags.None);
                    second.Send(ofFirst, fromFirst, SocketFlags.None);
                    first.Receive(ofFirst);
                    second.Receive(ofSecond);
                }
                catch (SocketException)
                {
                    // The load resets what it found to be wrong; or this is to end.
                }
            }
        }
    }
}
