using System;
using System.Collections.Generic;
using System.Linq;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Threading;
using System.Threading.Tasks;

namespace Ws2Echo.Tests
{
    internal static class LifetimeTests
    {
        [Test]
        public static void DisposingTwiceIsFine()
        {
            var server = new Server();
            var client = new Client(server.Port);
            client.Dispose();
            client.Dispose();
            server.Dispose();
            server.Dispose();
        }

        [Test]
        public static void DisposingFromManyThreadsIsFine()
        {
            for (int round = 0; round < 20; round++)
            {
                var server = new Server();
                var client = new Client(server.Port);
                client.Echo(new byte[] { 1 });
                Parallel.For(0, 8, i =>
                {
                    client.Dispose();
                    server.Dispose();
                });
            }
        }

        [Test]
        public static void WhoDisposesSecondFindsThePortFree()
        {
            for (int round = 0; round < 20; round++)
            {
                var server = new Server();
                int port = server.Port;
                using var client = new Client(port);
                client.Echo(new byte[] { 1 });
                using var together = new Barrier(2);
                var listening = new object();
                void DisposeAndListen()
                {
                    together.SignalAndWait();
                    server.Dispose();
                    lock (listening)
                    {
                        using var next = new Server(new ServerOptions { Port = port });
                    }
                }

                Task Begin() => Task.Factory.StartNew(DisposeAndListen, TaskCreationOptions.LongRunning);
                Task[] both = { Begin(), Begin() };
                Check.That(Task.WaitAll(both, Check.Patience), "disposing does not end");
            }
        }

        [Test]
        public static async Task AfterDisposeEverythingIsDisposed()
        {
            var server = new Server();
            int port = server.Port;
            var client = new Client(port);
            client.Dispose();
            server.Dispose();
            var calls = new Dictionary<string, Action>
            {
                ["Client.Send"] = () => client.Send(new byte[1]),
                ["Client.Send of nothing"] = () => client.Send(Array.Empty<byte>()),
                ["Client.Receive"] = () => client.Receive(new byte[1]),
                ["Client.Echo"] = () => client.Echo(new byte[1]),
                ["Client.Ping"] = () => client.Ping(),
                ["Client.Shutdown"] = () => client.Shutdown(Half.Send),
                ["Client.Stats"] = () => _ = client.Stats,
                ["Client.Options"] = () => _ = client.Options,
                ["Client.LocalEndPoint"] = () => _ = client.LocalEndPoint,
                ["Client.RemoteEndPoint"] = () => _ = client.RemoteEndPoint,
                ["Server.Port"] = () => _ = server.Port,
                ["Server.EndPoints"] = () => _ = server.EndPoints,
                ["Server.Options"] = () => _ = server.Options,
                ["Server.Stats"] = () => _ = server.Stats,
                ["Server.NextEvent"] = () => server.NextEvent(TimeSpan.Zero),
                ["Server.TryNextEvent"] = () => server.TryNextEvent(out _),
                ["Server.Events"] = () => server.Events().Count(),
                ["Server.Drain"] = () => server.Drain(TimeSpan.Zero),
                ["Server.Stop"] = () => server.Stop(),
            };
            foreach ((string name, Action call) in calls)
            {
                ObjectDisposedException disposed = Check.Throws<ObjectDisposedException>(call, name);
                Check.That(name.StartsWith(disposed.ObjectName.Split('.').Last(), StringComparison.Ordinal), disposed.ObjectName);
            }
            var asyncCalls = new Func<Task>[]
            {
                () => client.SendAsync(new byte[1]),
                () => client.ReceiveAsync(new byte[1]),
                () => client.EchoAsync(new byte[1]),
                () => client.PingAsync(),
                () => server.NextEventAsync(),
                () => server.DrainAsync(TimeSpan.Zero),
                () => server.StopAsync(),
            };
            foreach (Func<Task> call in asyncCalls)
            {
                await Check.ThrowsAsync<ObjectDisposedException>(call);
            }
            await foreach (ServerEvent unexpected in server.EventsAsync())
            {
                Check.That(false, $"an event of a disposed server: {unexpected}");
            }
        }

        [Test]
        public static void DisposingEndsABlockedReceive()
        {
            using var server = new Server();
            Exception Ended(int pauseMs)
            {
                var client = new Client(server.Port);
                Task receiving = Task.Factory.StartNew(() => client.Receive(new byte[1]), TaskCreationOptions.LongRunning);
                Thread.Sleep(pauseMs);
                client.Dispose();
                return Check.Throws<AggregateException>(() => receiving.Wait(Check.Patience)).InnerException!;
            }

            for (int round = 0; round < 5; round++)
            {
                CheckAborted(WhileWaiting(Ended));
                Exception ended = Ended(0); // who is first is open
                if (!(ended is ObjectDisposedException))
                {
                    CheckAborted(ended);
                }
            }
        }

        [Test]
        public static void DisposingEndsABlockedNextEventAndDrain()
        {
            Exception Ended(bool drain, int pauseMs)
            {
                var server = new Server();
                using var client = new Client(server.Port);
                client.Echo(new byte[1]);
                while (server.TryNextEvent(out _))
                {
                }
                Task waiting = Task.Factory.StartNew(
                    () =>
                    {
                        if (drain)
                        {
                            server.Drain(Timeout.InfiniteTimeSpan);
                        }
                        else
                        {
                            server.NextEvent(Timeout.InfiniteTimeSpan);
                        }
                    },
                    TaskCreationOptions.LongRunning);
                Thread.Sleep(pauseMs);
                server.Dispose();
                return Check.Throws<AggregateException>(() => waiting.Wait(Check.Patience)).InnerException!;
            }

            CheckAborted(WhileWaiting(pauseMs => Ended(drain: false, pauseMs)));
            CheckAborted(WhileWaiting(pauseMs => Ended(drain: true, pauseMs)));
        }

        private static void CheckAborted(Exception ended) =>
            Check.Equal(SocketError.OperationAborted, (ended as SocketException)?.SocketErrorCode, ended.ToString());

        /// <summary>Nothing tells when another thread waits: what was too early is done again, with more time.</summary>
        private static Exception WhileWaiting(Func<int, Exception> ended)
        {
            for (int pauseMs = 50; pauseMs < 10_000; pauseMs *= 2)
            {
                Exception how = ended(pauseMs);
                if (!(how is ObjectDisposedException))
                {
                    return how;
                }
            }
            throw new InvalidOperationException("it never came to wait");
        }

        [Test]
        public static void FinalisersCloseWhatWasForgotten()
        {
            using var server = new Server();
            int[] ports = Forget(server.Port, 50);
            Check.Eventually(
                () =>
                {
                    GC.Collect();
                    GC.WaitForPendingFinalizers();
                    return server.Stats.ConnectionsCurrent == 0;
                },
                "the forgotten clients are closed");
            Check.Equal(50L, server.Stats.ConnectionsAccepted);
            Check.Eventually(() => ports.All(IsFree), "the forgotten servers' ports are free");
        }

        [Test]
        public static void CollectingDuringCallsHarmsNone()
        {
            using var server = new Server();
            using var over = new CancellationTokenSource();
            Task collecting = Task.Factory.StartNew(
                () =>
                {
                    while (!over.IsCancellationRequested)
                    {
                        GC.Collect();
                        GC.WaitForPendingFinalizers();
                    }
                },
                TaskCreationOptions.LongRunning);
            for (int i = 0; i < 100; i++)
            {
                EchoOnceAndForget(server.Port, i);
            }
            over.Cancel();
            collecting.Wait();
        }

        [Test]
        public static async Task AWaitingReceiveIsNotCollected()
        {
            using var server = new Server();
            Task<int> receiving = ReceiveAndForget(server.Port);
            for (int i = 0; i < 5; i++)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }
            Check.That(!receiving.IsCompleted, "its client was collected");
            server.Stop();
            await Check.FailsAsync(SocketError.ConnectionReset, () => receiving);
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private static int[] Forget(int port, int count)
        {
            var ports = new int[count];
            for (int i = 0; i < count; i++)
            {
                new Client(port).Echo(new byte[] { (byte)i });
                ports[i] = new Server(new ServerOptions { Host = "127.0.0.1" }).Port;
            }
            return ports;
        }

        /// <summary>The client is of no use to the caller once the call has begun: nothing but the call keeps it.</summary>
        [MethodImpl(MethodImplOptions.NoInlining)]
        private static void EchoOnceAndForget(int port, int seed)
        {
            byte[] data = Peers.Pattern(50_000, seed);
            Check.Bytes(data, new Client(port).Echo(data));
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private static Task<int> ReceiveAndForget(int port) => new Client(port).ReceiveAsync(new byte[1]);

        private static bool IsFree(int port)
        {
            try
            {
                using var server = new Server(new ServerOptions { Host = "127.0.0.1", Port = port });
                return true;
            }
            catch (SocketException)
            {
                return false;
            }
        }
    }
}
