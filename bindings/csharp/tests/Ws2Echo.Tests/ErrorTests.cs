using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Reflection;
using System.Threading;
using System.Threading.Tasks;

namespace Ws2Echo.Tests
{
    internal static class ErrorTests
    {
        private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(60);

        [Test]
        public static async Task ConnectionRefused()
        {
            int port = Peers.UnusedPort();
            Ws2EchoException failure = Check.Fails(SocketError.ConnectionRefused, () => new Client(port, "127.0.0.1"));
            Check.That(failure.Message.Contains($"127.0.0.1:{port}"), failure.Message);
            await Check.FailsAsync(SocketError.ConnectionRefused, () => Client.ConnectAsync(port, "127.0.0.1"));
        }

        [Test]
        public static void AddressAlreadyInUse()
        {
            using var first = new Server(new ServerOptions { Host = "127.0.0.1" });
            var options = new ServerOptions { Host = "127.0.0.1", Port = first.Port };
            Ws2EchoException failure = Check.Fails(SocketError.AddressAlreadyInUse, () => new Server(options));
            Check.That(failure.Message.Contains($"127.0.0.1:{first.Port}"), failure.Message);
            first.Dispose();
            using var second = new Server(options);
        }

        [Test]
        public static void AddressNotAvailable() =>
            Check.Fails(SocketError.AddressNotAvailable, () => new Server(new ServerOptions { Host = "192.0.2.1" }));

        [Test]
        public static async Task UnknownHosts()
        {
            const string Host = "no-such-host.invalid";
            SocketError[] codes = { SocketError.HostNotFound, SocketError.TryAgain, SocketError.NoData, SocketError.NoRecovery };
            var thrown = new List<SocketException>
            {
                Check.Throws<SocketException>(() => new Client(7, Host)),
                Check.Throws<SocketException>(() => new Server(new ServerOptions { Host = Host })),
                await Check.ThrowsAsync<SocketException>(() => Client.ConnectAsync(7, Host)),
                Check.Throws<SocketException>(() => new Client(7, "nö-süch-höst.invalid")),
            };
            foreach (SocketException failure in thrown)
            {
                Check.That(Array.IndexOf(codes, failure.SocketErrorCode) >= 0, failure.Message);
            }
            Check.That(thrown[0].Message.Contains(Host), thrown[0].Message);
        }

        [Test]
        public static void OptionsOutOfRangeAreNamed()
        {
            var cases = new Dictionary<string, Action<ServerOptions>>
            {
                ["port"] = options => options.Port = 65536,
                ["backlog"] = options => options.Backlog = 65536,
                ["connections_max"] = options => options.ConnectionsMax = 0,
                ["idle_timeout_ms"] = options => options.IdleTimeout = TimeSpan.Zero,
                ["send_timeout_ms"] = options => options.SendTimeout = TimeSpan.Zero,
                ["receive_buffer_bytes"] = options => options.ReceiveBufferBytes = int.MaxValue,
                ["send_buffer_bytes"] = options => options.SendBufferBytes = int.MaxValue,
                ["linger_s"] = options => options.LingerSeconds = 65536,
                ["echo_buffer_bytes"] = options => options.EchoBufferBytes = 0,
                ["journal_events"] = options => options.JournalEvents = 0,
                ["model"] = options => options.Model = (Model)(-1),
                ["protocol"] = options => options.Protocol = (Protocol)77,
                ["accept"] = options => options.Accept = (Accept)3,
                ["accepts_pending"] = options => options.AcceptsPending = 1025,
                ["workers"] = options => options.Workers = 257,
                ["family"] = options => options.Family = (Family)5,
                ["host"] = options => options.Host = new string('x', 2000),
            };
            foreach ((string name, Action<ServerOptions> change) in cases)
            {
                var options = new ServerOptions();
                change(options);
                Ws2EchoException failure = Check.Fails(SocketError.InvalidArgument, () => new Server(options));
                Check.That(failure.Message.Contains(name), $"{name} is not named: {failure.Message}");
            }
            Check.Fails(SocketError.InvalidArgument, () => new Client(0));
            Check.Fails(SocketError.InvalidArgument, () => new Client(65536));
        }

        [Test]
        public static async Task PingOptionsOutOfRangeAreNamed()
        {
            var cases = new Dictionary<string, Action<PingOptions>>
            {
                ["datagrams"] = options => options.Datagrams = 0,
                ["datagram_bytes"] = options => options.DatagramBytes = 15,
                ["window"] = options => options.Window = 1025,
                ["interval_us"] = options => options.Interval = TimeSpan.FromSeconds(1001),
                ["reply_timeout_ms"] = options => options.ReplyTimeout = TimeSpan.Zero,
            };
            using var server = new Server();
            using var client = new Client(server.Port);
            foreach ((string name, Action<PingOptions> change) in cases)
            {
                var options = new PingOptions();
                change(options);
                Ws2EchoException failure = Check.Fails(SocketError.InvalidArgument, () => client.Ping(options));
                Check.That(failure.Message.Contains(name), $"{name} is not named: {failure.Message}");
                await Check.FailsAsync(SocketError.InvalidArgument, () => client.PingAsync(options));
            }
            Check.Fails(SocketError.OperationNotSupported, () => client.Ping());
            await Check.FailsAsync(SocketError.OperationNotSupported, () => client.PingAsync());
            Check.Equal(0, Check.Fails(SocketError.OperationNotSupported, () => client.Ping()).Pinged!.Sent);
            Check.Bytes(new byte[] { 5 }, client.Echo(new byte[] { 5 }));
        }

        [Test]
        public static async Task ArgumentsThatCannotBe()
        {
            Check.Throws<ArgumentNullException>(() => new Client(null!));
            Check.Throws<ArgumentNullException>(() => new Client(7, null!));
            await Check.ThrowsAsync<ArgumentNullException>(() => Client.ConnectAsync(null!));
            Check.Throws<ArgumentOutOfRangeException>(() => new Client(-1));
            Check.Throws<ArgumentOutOfRangeException>(() => new ServerOptions { Port = -1 });
            Check.Throws<ArgumentOutOfRangeException>(() => new ServerOptions { ConnectionsMax = -1 });
            Check.Throws<ArgumentOutOfRangeException>(() => new ServerOptions { LingerSeconds = -1 });
            Check.Throws<ArgumentOutOfRangeException>(() => new ServerOptions { IdleTimeout = TimeSpan.FromMilliseconds(-2) });
            Check.Throws<ArgumentOutOfRangeException>(() => new ClientOptions { ConnectTimeout = TimeSpan.MaxValue });
            Check.Throws<ArgumentException>(() => new ClientOptions { Host = "local\0host" });
            Check.Throws<ArgumentOutOfRangeException>(() => new ServerOptions { Workers = -1 });
            Check.Throws<ArgumentOutOfRangeException>(() => new ServerOptions { AcceptsPending = -1 });
            Check.Throws<ArgumentOutOfRangeException>(() => new PingOptions { Datagrams = -1 });
            Check.Throws<ArgumentOutOfRangeException>(() => new PingOptions { Interval = TimeSpan.FromTicks(-1) });
            Check.Throws<ArgumentOutOfRangeException>(() => new PingOptions { Interval = TimeSpan.MaxValue });
            Check.Equal(TimeSpan.FromTicks(10), new PingOptions { Interval = TimeSpan.FromTicks(1) }.Interval, "rounded up:");
            using var server = new Server();
            using var client = new Client(server.Port);
            Check.Throws<ArgumentNullException>(() => client.Echo((byte[])null!));
            Check.Throws<ArgumentException>(() => client.Echo(new byte[3], new byte[2]));
            var shared = new byte[10];
            Check.Throws<ArgumentException>(() => client.Echo(shared.AsSpan(0, 6), shared.AsSpan(4, 6)));
            await Check.ThrowsAsync<ArgumentException>(() => client.EchoAsync(shared, shared));
            Check.Throws<ArgumentOutOfRangeException>(() => server.NextEvent(TimeSpan.FromSeconds(-1)));
            Check.Bytes(shared, client.Echo(shared));
        }

        [Test]
        public static void ARuleThatCannotBeLeavesNoMemoryBehind()
        {
            var options = new ServerOptions { Host = new string('x', 4_000_000), Faults = { "stall", "a\0" } };
            static long Resident()
            {
                using var own = Process.GetCurrentProcess();
                return own.WorkingSet64;
            }

            Check.Throws<ArgumentException>(() => new Server(options));
            long before = Resident();
            for (int i = 0; i < 50; i++)
            {
                Check.Throws<ArgumentException>(() => new Server(options));
            }
            long grownBytes = Resident() - before;
            Check.That(grownBytes < 100_000_000, $"{grownBytes} bytes are left of 50 hosts");
        }

        [Test]
        public static void AnIntervalThatCannotBeSendsNothing()
        {
            using var server = new Server();
            using var client = new Client(server.Port);
            TimeSpan[] wrong = { TimeSpan.FromSeconds(-1), Timeout.InfiniteTimeSpan, TimeSpan.FromDays(25), TimeSpan.MaxValue };
            foreach (TimeSpan interval in wrong)
            {
                ArgumentOutOfRangeException refused = Check.Throws<ArgumentOutOfRangeException>(
                    () => client.Trickle(new byte[2], interval), $"{interval}");
                Check.Equal("interval", refused.ParamName);
            }
            Check.Equal(0L, client.Stats.BytesSent);
        }

        [Test]
        public static async Task DisposingInterruptsATrickle()
        {
            using var server = new Server();
            using var client = new Client(server.Port);
            Task trickling = Task.Factory.StartNew(
                () => client.Trickle(new byte[1000], TimeSpan.FromMilliseconds(50)), TaskCreationOptions.LongRunning);
            server.WaitFor(Until.BytesReceived, 1, Check.Patience);
            client.Dispose();
            await Check.FailsAsync(SocketError.OperationAborted, () => trickling);
        }

        [Test]
        public static async Task ReceivingTimesOut()
        {
            using var server = new Server();
            using var client = new Client(new ClientOptions { Port = server.Port, ReceiveTimeout = Short });
            var buffer = new byte[4];
            Check.Fails(SocketError.TimedOut, () => client.Receive(buffer));
            await Check.FailsAsync(SocketError.TimedOut, () => client.ReceiveAsync(buffer));
            Check.Bytes(new byte[] { 1, 2 }, client.Echo(new byte[] { 1, 2 }));
        }

        [Test]
        public static async Task SendingTimesOutAndTellsHowFarItCame()
        {
            using var never = new ManualResetEventSlim();
            foreach (bool async in new[] { false, true })
            {
                using var listener = new Peers.Listener(socket => never.Wait());
                using var client = new Client(new ClientOptions { Port = listener.Port, SendTimeout = Short });
                var data = new byte[64 * 1024 * 1024];
                Ws2EchoException failure = async
                    ? await Check.FailsAsync(SocketError.TimedOut, () => client.SendAsync(data))
                    : Check.Fails(SocketError.TimedOut, () => client.Send(data));
                Check.That(failure.BytesTransferred > 0 && failure.BytesTransferred < data.Length, $"{failure.BytesTransferred}");
                Check.Equal(failure.BytesTransferred, client.Stats.BytesSent);
                never.Set();
                listener.Finish();
                never.Reset();
            }
        }

        /// <summary>The half that comes first is free when half of the time has passed, what the call needs then never.</summary>
        [Test]
        public static async Task ATimeoutIsForTurnsAndTheCallTogether()
        {
            var calls = new (string First, string? Next, Func<Client, TimeSpan, Task> Call)[]
            {
                ("_receiving", null, (client, limit) => Task.Run(() => client.Receive(new byte[1]))),
                ("_receiving", null, (client, limit) => client.ReceiveAsync(new byte[1])),
                ("_sending", "_receiving", (client, limit) => Task.Run(() => client.Echo(new byte[1]))),
                ("_sending", "_receiving", (client, limit) => client.EchoAsync(new byte[1])),
                ("_sending", "_receiving", (client, limit) => Task.Run(() => client.Ping(timeout: limit))),
                ("_sending", "_receiving", (client, limit) => client.PingAsync(timeout: limit)),
            };
            using var server = new Server();
            await Check.WithMoreTime(async limit =>
            {
                async Task<bool> EndsInTime((string First, string? Next, Func<Client, TimeSpan, Task> Call) one)
                {
                    var options = new ClientOptions { Port = server.Port, SendTimeout = limit, ReceiveTimeout = limit };
                    using var client = new Client(options);
                    SemaphoreSlim first = TurnOf(client, one.First);
                    first.Wait();
                    if (one.Next != null)
                    {
                        TurnOf(client, one.Next).Wait();
                    }
                    Stopwatch watch = Stopwatch.StartNew();
                    Task calling = one.Call(client, limit);
                    await Task.Delay(limit / 2);
                    first.Release();
                    await Check.FailsAsync(SocketError.TimedOut, () => calling);
                    return watch.Elapsed < limit * 1.4;
                }

                return (await Task.WhenAll(calls.Select(EndsInTime))).All(inTime => inTime);
            });
        }

        [Test]
        public static async Task AnEchoWithoutAnswerTimesOut()
        {
            using var never = new ManualResetEventSlim();
            using var listener = new Peers.Listener(socket => never.Wait());
            using var client = new Client(new ClientOptions
            {
                Port = listener.Port,
                SendTimeout = Short,
                ReceiveTimeout = Short,
            });
            Check.Equal(0, Check.Fails(SocketError.TimedOut, () => client.Echo(new byte[5])).BytesTransferred);
            await Check.FailsAsync(SocketError.TimedOut, () => client.EchoAsync(new byte[5]));
            never.Set();
        }

        [Test]
        public static async Task AnEchoThatComesSlowlyDoesNotTimeOut()
        {
            foreach (bool async in new[] { false, true })
            {
                await Check.WithMoreTime(async limit =>
                {
                    using var listener = new Peers.Listener(socket =>
                    {
                        using var stream = new NetworkStream(socket);
                        foreach (byte one in Peers.ReadExactly(stream, 15))
                        {
                            Thread.Sleep(limit / 10); // all of it takes longer than the limit
                            stream.WriteByte(one);
                        }
                    });
                    var options = new ClientOptions { Port = listener.Port, SendTimeout = limit, ReceiveTimeout = limit };
                    using var client = new Client(options);
                    bool inTime = await EchoesInTime(client, Peers.Pattern(15), async);
                    if (inTime)
                    {
                        listener.Finish();
                    }
                    return inTime;
                });
            }
        }

        [Test]
        public static async Task ConnectionReset()
        {
            foreach (bool async in new[] { false, true })
            {
                using var listener = new Peers.Listener(socket => socket.LingerState = new LingerOption(true, 0));
                using var client = new Client(listener.Port);
                listener.Finish();
                if (async)
                {
                    await Check.FailsAsync(SocketError.ConnectionReset, () => client.ReceiveAsync(new byte[1]));
                }
                else
                {
                    Check.Fails(SocketError.ConnectionReset, () => client.Receive(new byte[1]));
                }
            }
        }

        [Test]
        public static async Task SendingAfterShutdown()
        {
            using var server = new Server();
            using var client = new Client(server.Port);
            client.Shutdown(Half.Send);
            Check.Fails(SocketError.Shutdown, () => client.Send(new byte[1]));
            await Check.FailsAsync(SocketError.Shutdown, () => client.SendAsync(new byte[1]));
            Check.Fails(SocketError.InvalidArgument, () => client.Shutdown((Half)9));
        }

        [Test]
        public static void TheMessageIsOfThisThread()
        {
            int port = Peers.UnusedPort();
            Parallel.For(0, 40, i =>
            {
                Ws2EchoException failure = i % 2 == 0
                    ? Check.Fails(SocketError.ConnectionRefused, () => new Client(port, "127.0.0.1"))
                    : Check.Fails(SocketError.InvalidArgument, () => new Server(new ServerOptions { JournalEvents = 0 }));
                Check.That(failure.Message.Contains(i % 2 == 0 ? $":{port}" : "journal_events"), failure.Message);
            });
        }

        [Test]
        public static void ConnectingTriesEveryAddress()
        {
            foreach (IPAddress address in Dns.GetHostAddresses("localhost"))
            {
                using var server = new Server(new ServerOptions { Host = address.ToString() });
                using var client = new Client(server.Port, "localhost");
                Check.Equal(address, client.RemoteEndPoint.Address);
            }
        }

        private static SemaphoreSlim TurnOf(Client client, string half)
        {
            const BindingFlags Hidden = BindingFlags.Instance | BindingFlags.NonPublic;
            object turn = typeof(Client).GetField(half, Hidden)!.GetValue(client)!;
            return (SemaphoreSlim)turn.GetType().GetField("_free", Hidden)!.GetValue(turn)!;
        }

        private static async Task<bool> EchoesInTime(Client client, byte[] data, bool async)
        {
            try
            {
                Check.Bytes(data, async ? await client.EchoAsync(data) : client.Echo(data));
                return true;
            }
            catch (SocketException late) when (late.SocketErrorCode == SocketError.TimedOut)
            {
                return false;
            }
        }
    }
}
