using System;
using System.Collections.Generic;
using System.Linq;
using System.Net.Sockets;
using System.Reflection;
using System.Threading;
using System.Threading.Tasks;

namespace Ws2Echo.Tests
{
    internal static class AsyncTests
    {
        [Test]
        public static async Task CancellingAReceiveLosesNothing()
        {
            using var server = new Server();
            using Client client = await Client.ConnectAsync(server.Port);
            var buffer = new byte[14];
            using (var cancellation = new CancellationTokenSource())
            {
                Task<int> receiving = client.ReceiveAsync(buffer, cancellation.Token);
                Check.That(!receiving.IsCompleted, "received from nowhere");
                cancellation.Cancel();
                await Check.ThrowsAsync<OperationCanceledException>(() => Check.InTime(receiving, "the cancellation"));
            }
            byte[] data = Peers.Pattern(14);
            Check.Bytes(data, await client.EchoAsync(data));
        }

        [Test]
        public static async Task ACancelledTokenStartsNothing()
        {
            using var server = new Server();
            using Client client = await Client.ConnectAsync(server.Port);
            var cancelled = new CancellationToken(canceled: true);
            var calls = new Func<Task>[]
            {
                () => client.SendAsync(new byte[5], cancelled),
                () => client.ReceiveAsync(new byte[5], cancelled),
                () => client.EchoAsync(new byte[5], cancelled),
                () => client.PingAsync(cancellationToken: cancelled),
                () => server.NextEventAsync(cancelled),
                () => server.DrainAsync(Check.Patience, cancelled),
                () => Client.ConnectAsync(server.Port, cancellationToken: cancelled),
            };
            foreach (Func<Task> call in calls)
            {
                await Check.ThrowsAsync<OperationCanceledException>(call);
            }
            Check.Equal(0, client.Stats.BytesSent);
            using Client next = await Client.ConnectAsync(server.Port);
        }

        [Test]
        public static async Task ConnectingTakesACopyOfTheOptions()
        {
            using var server = new Server();
            for (int i = 0; i < 20; i++)
            {
                // In capitals the name is resolved on another thread.
                var options = new ClientOptions { Port = server.Port, Host = "LOCALHOST", SendTimeout = Check.Patience };
                Task<Client> connecting = Client.ConnectAsync(options);
                options.Port = 1;
                options.Host = "127.0.0.1";
                options.SendTimeout = TimeSpan.Zero;
                using Client client = await connecting;
                Check.Equal(("LOCALHOST", server.Port), (client.Options.Host, client.Options.Port));
                Check.Equal(Check.Patience, client.Options.SendTimeout);
                Check.Bytes(new byte[] { 1 }, await client.EchoAsync(new byte[] { 1 }));
            }
        }

        [Test]
        public static async Task CancellingASendAndAnEchoThatHang()
        {
            using var never = new ManualResetEventSlim();
            foreach (bool echo in new[] { false, true })
            {
                using var listener = new Peers.Listener(socket => never.Wait());
                using Client client = await Client.ConnectAsync(listener.Port);
                using var cancellation = new CancellationTokenSource();
                var data = new byte[64 * 1024 * 1024];
                Task hanging = echo
                    ? client.EchoAsync(data, cancellation.Token)
                    : client.SendAsync(data, cancellation.Token);
                Check.Eventually(() => client.Stats.BytesSent > 0, "some bytes are sent");
                cancellation.Cancel();
                await Check.ThrowsAsync<OperationCanceledException>(() => hanging);
                never.Set();
                listener.Finish();
                never.Reset();
            }
        }

        [Test]
        public static async Task WaitingClientsLeaveThePoolFree()
        {
            using var server = new Server();
            var clients = new List<Client>();
            for (int i = 0; i < 200; i++)
            {
                clients.Add(await Client.ConnectAsync(server.Port));
            }
            ThreadPool.GetMaxThreads(out int workers, out int completions);
            Check.That(ThreadPool.SetMaxThreads(Environment.ProcessorCount, completions), "the pool keeps its size");
            try
            {
                byte[][] buffers = clients.Select(_ => new byte[4]).ToArray();
                Task<int>[] receiving = clients.Select((client, i) => client.ReceiveAsync(buffers[i])).ToArray();
                Check.Equal(1, await Check.InTime(Task.Run(() => 1), "a free thread of the pool"));
                Check.That(receiving.All(task => !task.IsCompleted), "received from nowhere");
                for (int i = 0; i < clients.Count; i++)
                {
                    await clients[i].SendAsync(BitConverter.GetBytes(i));
                }
                await Check.InTime(Task.WhenAll(receiving), "the replies");
                for (int i = 0; i < clients.Count; i++)
                {
                    Check.Equal(i, BitConverter.ToInt32(buffers[i]), "another client's reply:");
                }
            }
            finally
            {
                ThreadPool.SetMaxThreads(workers, completions);
                clients.ForEach(client => client.Dispose());
            }
        }

        [Test]
        public static async Task TwoHundredClientsEchoAtOnce()
        {
            using var server = new Server();
            async Task Session(int i)
            {
                using Client client = await Client.ConnectAsync(server.Port, i % 2 == 0 ? "127.0.0.1" : "::1");
                byte[] data = Peers.Pattern(20_000 + i, i);
                Check.Bytes(data, await client.EchoAsync(data));
            }
            await Check.InTime(Task.WhenAll(Enumerable.Range(0, 200).Select(Session).Select(Counted)), "200 echoes");
            Check.Equal(200, server.Stats.ConnectionsAccepted);
        }

        [Test]
        public static async Task SendsDoNotMix()
        {
            const int Size = 4 * 1024 * 1024;
            byte[] received = Array.Empty<byte>();
            using var allWait = new ManualResetEventSlim();
            using var listener = new Peers.Listener(socket =>
            {
                allWait.Wait();
                using var stream = new NetworkStream(socket);
                received = Peers.ReadExactly(stream, 3 * Size);
            });
            using Client client = await Client.ConnectAsync(listener.Port);
            byte[][] parts = Enumerable.Range(1, 3).Select(value => Enumerable.Repeat((byte)value, Size).ToArray()).ToArray();
            Task sending = Task.WhenAll(
                Task.Run(() => client.SendAsync(parts[0])),
                Task.Run(() => client.SendAsync(parts[1])),
                Task.Run(() => client.Send(parts[2])));
            long sent;
            do
            {
                sent = client.Stats.BytesSent;
                await Task.Delay(50);
            }
            while (sent == 0 || client.Stats.BytesSent > sent);
            allWait.Set();
            await sending;
            listener.Finish();
            int changes = received.Zip(received.Skip(1), (one, next) => one == next ? 0 : 1).Sum();
            Check.Equal(2, changes, "places where one send's bytes border on another's:");
        }

        [Test]
        public static async Task ReceivingWhileSending()
        {
            using var server = new Server(new ServerOptions { EchoBufferBytes = 1024 });
            using Client client = await Client.ConnectAsync(server.Port);
            byte[] data = Peers.Pattern(8 * 1024 * 1024);
            var back = new byte[data.Length];
            Task sending = client.SendAsync(data);
            for (int at = 0; at < back.Length;)
            {
                at += await client.ReceiveAsync(back.AsMemory(at));
            }
            await sending;
            Check.Bytes(data, back);
        }

        [Test]
        public static async Task DisposingEndsWhatWaits()
        {
            var server = new Server();
            foreach (ServerEvent listening in server.Events())
            {
                Check.Equal(EventKind.Listening, listening.Kind);
            }
            Client client = await Client.ConnectAsync(server.Port);
            await server.NextEventAsync();
            Task receiving = client.ReceiveAsync(new byte[1]);
            Task next = Task.Run(async () => await client.ReceiveAsync(new byte[1]));
            client.Dispose();
            await Check.FailsAsync(SocketError.OperationAborted, () => receiving);
            await Check.ThrowsAsync<Exception>(() => next);
            Check.Equal(EventKind.Closed, (await server.NextEventAsync()).Kind);
            Task waiting = server.NextEventAsync();
            server.Dispose();
            await Check.FailsAsync(SocketError.OperationAborted, () => waiting);
        }

        /// <summary>
        /// By this the library's "not yet" is told from a time limit of the system, which is for good and has the same code. All of
        /// it on one thread: what a thread receives is aborted when it ends, which signals the event.
        /// </summary>
        [Test]
        public static void WhatIsNotYetLeavesTheEventUnsignalled()
        {
            using var server = new Server();
            var options = new ClientOptions { Port = server.Port, ReceiveTimeout = TimeSpan.Zero };
            using var client = new Client(options);
            for (int i = 0; i < 3; i++)
            {
                Check.Fails(SocketError.TimedOut, () => client.Receive(new byte[1]));
                Check.That(!ReceiveReadyAtOnce(client, 0), "signalled, and nothing came");
            }
            client.Send(new byte[1]);
            ReceiveReadyAtOnce(client, (int)Check.Patience.TotalMilliseconds);
            Check.That(ReceiveReadyAtOnce(client, 0), "not signalled, and something came");
            Check.Equal(1, client.Receive(new byte[2]));
        }

        [Test]
        public static void ATimeLimitThatStaysIsForGood()
        {
            Type type = typeof(Client).Assembly.GetType("Ws2Echo.Standstill", throwOnError: true)!;
            const BindingFlags Hidden = BindingFlags.Instance | BindingFlags.NonPublic;
            object standstill = Activator.CreateInstance(type, nonPublic: true)!;
            void Wait(bool atOnce, int times)
            {
                for (int i = 0; i < times; i++)
                {
                    type.GetMethod("Waited", Hidden)!.Invoke(standstill, new object[] { atOnce });
                }
            }
            bool IsForGood() => (bool)type.GetProperty("IsForGood", Hidden)!.GetValue(standstill)!;
            Wait(atOnce: true, 15);
            Check.That(!IsForGood(), "given up too early");
            Wait(atOnce: false, 1);
            Wait(atOnce: true, 15);
            Check.That(!IsForGood(), "not in a row");
            Wait(atOnce: true, 1);
            Check.That(IsForGood(), "it would ask for ever");
            type.GetMethod("Moved", Hidden)!.Invoke(standstill, null);
            Check.That(!IsForGood(), "something moved");
        }

        private static bool ReceiveReadyAtOnce(Client client, int timeoutMs)
        {
            const BindingFlags Hidden = BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static;
            object ready = typeof(Client).GetProperty("ReceiveReady", Hidden)!.GetValue(client)!;
            Array events = Array.CreateInstance(ready.GetType(), 1);
            events.SetValue(ready, 0);
            MethodInfo any = ready.GetType().GetMethod("AnyAsync", Hidden)!;
            var waiting = (Task<bool>)any.Invoke(null, new object[] { timeoutMs, CancellationToken.None, events })!;
            return waiting.GetAwaiter().GetResult();
        }

        private static async Task<int> Counted(Task task)
        {
            await task;
            return 1;
        }
    }
}
