using System;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;

namespace Ws2Echo.Tests
{
    internal static class UdpTests
    {
        private const int Longest = 65507; // over IPv4
        private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(150);

        [Test]
        public static async Task EveryModelEchoesDatagrams()
        {
            foreach (ModelInfo model in Ws2EchoInfo.Models)
            {
                using var server = new Server(new ServerOptions { Model = model.Model, Protocol = Protocol.Udp });
                using var client = new Client(To(server.Port));
                foreach (int size in new[] { 14, 0, Longest })
                {
                    byte[] data = Peers.Pattern(size);
                    Check.Bytes(data, client.Echo(data));
                    Check.Bytes(data, await client.EchoAsync(data));
                }
                ClientStats own = client.Stats;
                Check.Equal((6L, 6L, 0L), (own.DatagramsSent, own.DatagramsReceived, own.DatagramsUnreachable), model.Name);
                ServerStats stats = server.Stats;
                Check.Equal((6L, 6L, 0L), (stats.DatagramsReceived, stats.DatagramsSent, stats.ConnectionsAccepted), model.Name);
                Check.Equal((0L, 0L, 0L), (stats.DatagramsOversize, stats.DatagramsUnreachable, stats.DatagramsFailed));
                Check.That(server.Events().All(e => e.Kind == EventKind.Listening && e.Protocol == Protocol.Udp), "other events");
            }
        }

        [Test]
        public static void BothProtocolsOnOnePort()
        {
            foreach (ModelInfo model in Ws2EchoInfo.Models)
            {
                var options = new ServerOptions { Host = "127.0.0.1", Model = model.Model, Protocol = Protocol.Both };
                using var server = new Server(options);
                using var stream = new Client(server.Port, "127.0.0.1");
                using var datagrams = new Client(To(server.Port));
                Check.Bytes(new byte[] { 1 }, stream.Echo(new byte[] { 1 }));
                Check.Bytes(new byte[] { 2 }, datagrams.Echo(new byte[] { 2 }));
                Check.Equal(Protocol.Both, server.Options.Protocol);
                Check.Equal((Protocol.Tcp, Protocol.Udp), (stream.Options.Protocol, datagrams.Options.Protocol));
                ServerEvent[] listening = server.Events().Where(e => e.Kind == EventKind.Listening).ToArray();
                Check.Equal("Tcp Udp", string.Join(' ', listening.Select(e => e.Protocol).OrderBy(protocol => protocol)));
                ServerEvent udp = listening.Single(e => e.Protocol == Protocol.Udp);
                Check.Equal($"listening on 127.0.0.1:{server.Port} over UDP", udp.ToString());
            }
        }

        [Test]
        public static async Task EachCallIsADatagram()
        {
            using Socket peer = Plain();
            using var client = new Client(To(PortOf(peer)));
            peer.Connect(client.LocalEndPoint);
            client.Send(new byte[] { 1, 2, 3 });
            await client.SendAsync(Array.Empty<byte>());
            client.Send(Peers.Pattern(Longest));
            var got = new byte[65535];
            Check.Equal((3, 0, Longest), (peer.Receive(got), peer.Receive(got), peer.Receive(got)));
            foreach (int length in new[] { 0, 5, 0, 7, Longest })
            {
                peer.Send(Peers.Pattern(length));
            }
            Check.Equal((0, 5), (client.Receive(got), await client.ReceiveAsync(got)), "an empty one is no end:");
            Check.Equal((0, 7), (await client.ReceiveAsync(got), client.Receive(got)), "an empty one is no end:");
            Check.Equal(Longest, client.Receive(got));
            Check.Bytes(Peers.Pattern(Longest), got.AsSpan(0, Longest));
        }

        [Test]
        public static async Task ADatagramLongerThanTheBufferIsCut()
        {
            foreach (bool async in new[] { false, true })
            {
                using Socket peer = Plain();
                using var client = new Client(To(PortOf(peer)));
                peer.Connect(client.LocalEndPoint);
                peer.Send(new byte[] { 1, 2, 3, 4, 5 });
                peer.Send(new byte[] { 6 });
                var buffer = new byte[3];
                if (async)
                {
                    await Check.FailsAsync(SocketError.MessageSize, () => client.ReceiveAsync(buffer));
                }
                else
                {
                    Check.Fails(SocketError.MessageSize, () => client.Receive(buffer));
                }
                Check.Bytes(new byte[] { 1, 2, 3 }, buffer);
                Check.Equal((1, (byte)6), (client.Receive(buffer), buffer[0]), "the next one:");
                Check.Fails(SocketError.MessageSize, () => client.Send(new byte[Longest + 1]));
                Check.Fails(SocketError.MessageSize, () => client.Echo(new byte[Longest + 1]));
            }
        }

        [Test]
        public static async Task WrongAnswersAreAMismatch()
        {
            var cases = new (byte[] Answer, long Offset, byte[] Reply, string Says)[]
            {
                (new byte[] { 1, 2, 9, 4 }, 2, new byte[] { 1, 2, 9, 4 }, "offset 2 of 4"),
                (new byte[] { 1, 2 }, 2, new byte[] { 1, 2 }, "4 bytes were sent, but 2 came back"),
                (new byte[] { 1, 2, 3, 4, 5 }, 4, new byte[] { 1, 2, 3, 4 }, "more came back"),
                (Array.Empty<byte>(), 0, Array.Empty<byte>(), "but 0 came back"),
            };
            foreach ((byte[] answer, long offset, byte[] reply, string says) in cases)
            {
                using var peer = new DatagramPeer((number, data) => new[] { answer });
                using var client = new Client(To(peer.Port));
                var data = new byte[] { 1, 2, 3, 4 };
                EchoMismatchException first = Check.Throws<EchoMismatchException>(() => client.Echo(data));
                EchoMismatchException second = await Check.ThrowsAsync<EchoMismatchException>(() => client.EchoAsync(data));
                foreach (EchoMismatchException mismatch in new[] { first, second })
                {
                    Check.Equal(offset, mismatch.Offset);
                    Check.Bytes(reply, mismatch.Reply);
                    Check.That(mismatch.Message.Contains(says), mismatch.Message);
                }
            }
        }

        [Test]
        public static async Task ALostEchoTimesOutAndIsNotSentAgain()
        {
            using var peer = new DatagramPeer((number, data) => number < 2 ? Array.Empty<byte[]>() : new[] { data });
            using var client = new Client(To(peer.Port, Short));
            Check.Fails(SocketError.TimedOut, () => client.Echo(new byte[5]));
            await Check.FailsAsync(SocketError.TimedOut, () => client.EchoAsync(new byte[5]));
            Check.Equal(2, client.Stats.DatagramsSent);
            using var patient = new Client(To(peer.Port, Check.Patience));
            Check.Bytes(new byte[5], patient.Echo(new byte[5]));
        }

        [Test]
        public static async Task AClosedPortIsToldOnce()
        {
            int port;
            using (Socket unused = Plain())
            {
                port = PortOf(unused);
            }
            foreach (bool async in new[] { false, true })
            {
                using var client = new Client(To(port));
                if (async)
                {
                    await Check.FailsAsync(SocketError.ConnectionReset, () => client.EchoAsync(new byte[5]));
                }
                else
                {
                    Check.Fails(SocketError.ConnectionReset, () => client.Echo(new byte[5]));
                }
                Check.That(client.Stats.DatagramsUnreachable >= 1, "not counted");
            }
            ClientOptions deaf = To(port, Short);
            deaf.UdpConnReset = false;
            using var untold = new Client(deaf);
            Check.Fails(SocketError.TimedOut, () => untold.Echo(new byte[5]));
            Check.Equal(false, untold.Options.UdpConnReset);
        }

        [Test]
        public static void AClientHasOneProtocol()
        {
            var options = new ClientOptions { Port = 7, Protocol = Protocol.Both };
            Check.That(Check.Fails(SocketError.InvalidArgument, () => new Client(options)).Message.Contains("protocol"), "unnamed");
        }

        [Test]
        public static async Task PingOfAServer()
        {
            using var server = new Server(new ServerOptions { Protocol = Protocol.Udp });
            using var client = new Client(To(server.Port, host: "localhost"));
            var options = new PingOptions { Datagrams = 50, DatagramBytes = 1000, Window = 8, ReplyTimeout = Check.Patience };
            foreach (PingResult result in new[] { client.Ping(options), await client.PingAsync(options) })
            {
                Check.Equal((50L, 50L, 0L), (result.Sent, result.Received, result.Lost));
                Check.Equal((0L, 0L, 0L, 0L), (result.Late, result.Duplicated, result.Reordered, result.Corrupt));
                Check.Equal((0L, 0L, 0.0), (result.Foreign, result.Unreachable, result.LossRatio));
                Check.That(result.RoundTripMin <= result.RoundTripAverage, $"{result.RoundTripMin} {result.RoundTripAverage}");
                Check.That(result.RoundTripAverage <= result.RoundTripMax, $"{result.RoundTripAverage} {result.RoundTripMax}");
                Check.That(result.RoundTripMax <= result.Elapsed, $"{result.RoundTripMax} {result.Elapsed}");
                Check.That(result.ToString().StartsWith("50 sent, 50 received, 0 lost (0", StringComparison.Ordinal), $"{result}");
            }
            Check.Equal(10, client.Ping().Sent, "by default:");
            Check.Eventually(() => server.Stats.DatagramsSent == 110, "each answer is counted, which may be just after it came");
            Check.Equal(110L * 1000 - 10 * 936, server.Stats.BytesReceived);
        }

        [Test]
        public static async Task PingCountsWhatIsLostAndWrong()
        {
            foreach (bool async in new[] { false, true })
            {
                await Check.WithMoreTime(async limit =>
                {
                    using var peer = new DatagramPeer((number, data) => number switch
                    {
                        0 => new[] { data, data },
                        1 => Array.Empty<byte[]>(),
                        2 => new[] { new byte[] { 1, 2, 3 }, data },
                        3 => new[] { data.AsSpan(0, data.Length - 1).ToArray() },
                        _ => new[] { data },
                    });
                    using var client = new Client(To(peer.Port));
                    var options = new PingOptions
                    {
                        Datagrams = 6,
                        ReplyTimeout = limit,
                        Interval = TimeSpan.FromMilliseconds(30),
                    };
                    PingResult result = async ? await client.PingAsync(options) : client.Ping(options);
                    if (result.Lost > 2)
                    {
                        return false; // what comes after the limit is lost, too
                    }
                    Check.Equal((6L, 4L, 2L), (result.Sent, result.Received, result.Lost));
                    Check.Equal((1L, 1L, 1L), (result.Duplicated, result.Foreign, result.Corrupt));
                    Check.Equal(2 / 6.0, result.LossRatio);
                    Check.That(result.Elapsed >= limit, $"{result.Elapsed}");
                    return true;
                });
            }
        }

        [Test]
        public static async Task APingWithoutAnswersHasNoTimes()
        {
            using Socket silent = Plain();
            using var client = new Client(To(PortOf(silent)));
            var options = new PingOptions { Datagrams = 3, Window = 3, ReplyTimeout = Short };
            foreach (PingResult result in new[] { client.Ping(options), await client.PingAsync(options) })
            {
                Check.Equal((3L, 0L, 3L, 1.0), (result.Sent, result.Received, result.Lost, result.LossRatio));
                Check.That(result.RoundTripMin is null && result.RoundTripAverage is null && result.RoundTripMax is null, "times");
            }
        }

        [Test]
        public static async Task APingThatRunsOutOfTimeTellsHowFarItCame()
        {
            using Socket silent = Plain();
            using var client = new Client(To(PortOf(silent)));
            var options = new PingOptions { ReplyTimeout = Check.Patience };
            Ws2EchoException[] failures =
            {
                Check.Fails(SocketError.TimedOut, () => client.Ping(options, Short)),
                await Check.FailsAsync(SocketError.TimedOut, () => client.PingAsync(options, Short)),
            };
            foreach (Ws2EchoException failure in failures)
            {
                Check.Equal((1L, 0L, 0L), (failure.Pinged!.Sent, failure.Pinged.Received, failure.Pinged.Lost));
            }
        }

        [Test]
        public static async Task APingWhoseTurnDoesNotComeTellsThatNothingWasSent()
        {
            using Socket silent = Plain();
            var client = new Client(To(PortOf(silent), Check.Patience));
            Task receiving = client.ReceiveAsync(new byte[1]);
            Ws2EchoException[] failures =
            {
                Check.Fails(SocketError.TimedOut, () => client.Ping(timeout: Short)),
                await Check.FailsAsync(SocketError.TimedOut, () => client.PingAsync(timeout: Short)),
            };
            foreach (Ws2EchoException failure in failures)
            {
                Check.That(failure.Pinged != null, $"not told: {failure.Message}");
                Check.Equal((0L, 0L, 0L), (failure.Pinged!.Sent, failure.Pinged.Received, failure.Pinged.Lost));
            }
            Check.Equal(0L, client.Stats.DatagramsSent);
            client.Dispose();
            await Check.FailsAsync(SocketError.OperationAborted, () => receiving);
        }

        [Test]
        public static async Task CancellingAndDisposingEndAPing()
        {
            using Socket silent = Plain();
            var client = new Client(To(PortOf(silent)));
            var options = new PingOptions { ReplyTimeout = Check.Patience };
            using (var cancellation = new CancellationTokenSource())
            {
                Task<PingResult> pinging = client.PingAsync(options, cancellationToken: cancellation.Token);
                Check.Eventually(() => client.Stats.DatagramsSent == 1, "a datagram is sent");
                cancellation.Cancel();
                await Check.ThrowsAsync<OperationCanceledException>(() => Check.InTime(pinging, "the cancellation"));
            }
            foreach (bool async in new[] { false, true })
            {
                using var other = new Client(To(PortOf(silent)));
                Task<PingResult> pinging = async ? other.PingAsync(options) : Task.Run(() => other.Ping(options));
                Check.Eventually(() => other.Stats.DatagramsSent == 1, "a datagram is sent");
                other.Dispose();
                await Check.FailsAsync(SocketError.OperationAborted, () => pinging);
            }
            client.Dispose();
            Check.Throws<ObjectDisposedException>(() => client.Ping());
            await Check.ThrowsAsync<ObjectDisposedException>(() => client.PingAsync());
        }

        private static ClientOptions To(int port, TimeSpan? timeout = null, string host = "127.0.0.1")
        {
            var options = new ClientOptions { Port = port, Host = host, Protocol = Protocol.Udp };
            if (timeout is TimeSpan limit)
            {
                options.SendTimeout = options.ReceiveTimeout = limit;
            }
            return options;
        }

        private static Socket Plain()
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            socket.ReceiveTimeout = (int)Check.Patience.TotalMilliseconds;
            return socket;
        }

        private static int PortOf(Socket socket) => ((IPEndPoint)socket.LocalEndPoint!).Port;

        /// <summary>A socket of .NET that answers the datagrams, counted from 0, on a thread of its own, in the way given.</summary>
        private sealed class DatagramPeer : IDisposable
        {
            private readonly Socket _socket = Plain();
            private readonly Thread _thread;
            private volatile bool _ended;

            internal DatagramPeer(Func<int, byte[], byte[][]> answer)
            {
                _socket.ReceiveTimeout = 50;
                _thread = new Thread(() => Run(answer)) { IsBackground = true };
                _thread.Start();
            }

            internal int Port => PortOf(_socket);

            public void Dispose()
            {
                _ended = true;
                Check.That(_thread.Join(Check.Patience), "the peer's thread did not end");
                _socket.Dispose();
            }

            private void Run(Func<int, byte[], byte[][]> answer)
            {
                var buffer = new byte[65535];
                for (int number = 0; !_ended;)
                {
                    EndPoint sender = new IPEndPoint(IPAddress.Any, 0);
                    try
                    {
                        int length = _socket.ReceiveFrom(buffer, ref sender);
                        foreach (byte[] reply in answer(number++, buffer.AsSpan(0, length).ToArray()))
                        {
                            _socket.SendTo(reply, sender);
                        }
                    }
                    catch (SocketException)
                    {
                        // Nothing came for a moment, or what was sent before met a closed port.
                    }
                }
            }
        }
    }
}
