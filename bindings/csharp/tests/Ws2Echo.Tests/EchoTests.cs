using System;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading.Tasks;

namespace Ws2Echo.Tests
{
    internal static class EchoTests
    {
        private static readonly int[] Sizes = { 0, 1, 14, 512, 513, 64 * 1024, 16 * 1024 * 1024 };

        [Test]
        public static void EverySizeComesBack()
        {
            using var server = new Server();
            using var client = new Client(server.Port);
            foreach (int size in Sizes)
            {
                byte[] data = Peers.Pattern(size, size);
                Check.Bytes(data, client.Echo(data));
            }
            Check.Equal((long)Sizes.Sum(), client.Stats.BytesReceived);
        }

        [Test]
        public static async Task EverySizeComesBackAsync()
        {
            using var server = new Server();
            using Client client = await Client.ConnectAsync(server.Port);
            foreach (int size in Sizes)
            {
                byte[] data = Peers.Pattern(size, size);
                Check.Bytes(data, await client.EchoAsync(data));
            }
            Check.Equal((long)Sizes.Sum(), client.Stats.BytesReceived);
        }

        [Test]
        public static void EveryModelAndFamilyEchoes()
        {
            byte[] data = Peers.Pattern(513);
            foreach (ModelInfo model in Ws2EchoInfo.Models)
            {
                using var server = new Server(new ServerOptions { Model = model.Model });
                foreach (string host in new[] { "127.0.0.1", "::1", "localhost" })
                {
                    using var client = new Client(server.Port, host);
                    Check.Bytes(data, client.Echo(data));
                }
            }
        }

        [Test]
        public static void BuffersAreTheCallers()
        {
            using var server = new Server();
            using var client = new Client(server.Port);
            Span<byte> data = stackalloc byte[14];
            Encoding.ASCII.GetBytes("this is a test", data);
            Span<byte> reply = new byte[20];
            client.Echo(data, reply.Slice(3, 14));
            Check.Bytes(data, reply.Slice(3, 14));
            Check.That(reply[2] == 0 && reply[17] == 0, "written beside the slice");
        }

        [Test]
        public static void HalfCloseIsAnsweredAfterEveryByte()
        {
            using var server = new Server();
            using var client = new Client(server.Port);
            byte[] data = Peers.Pattern(100_000);
            client.Send(data);
            client.Shutdown(Half.Send);
            var back = new byte[data.Length];
            int total = 0;
            for (int read; (read = client.Receive(back.AsSpan(total))) > 0; total += read)
            {
            }
            Check.Bytes(data, back.AsSpan(0, total));
            Check.Equal(0, client.Receive(new byte[1]), "after FIN");
        }

        [Test]
        public static async Task HalfCloseIsAnsweredAfterEveryByteAsync()
        {
            using var server = new Server();
            using Client client = await Client.ConnectAsync(server.Port);
            byte[] data = Peers.Pattern(100_000);
            await client.SendAsync(data);
            client.Shutdown(Half.Send);
            var back = new byte[data.Length];
            int total = 0;
            for (int read; (read = await client.ReceiveAsync(back.AsMemory(total))) > 0; total += read)
            {
            }
            Check.Bytes(data, back.AsSpan(0, total));
            Check.Equal(0, await client.ReceiveAsync(new byte[1]), "after FIN");
        }

        [Test]
        public static void EmptyBuffersAreFine()
        {
            using var server = new Server();
            using var client = new Client(server.Port);
            client.Send(ReadOnlySpan<byte>.Empty);
            Check.Equal(0, client.Receive(Span<byte>.Empty));
            Check.Bytes(new byte[] { 7 }, client.Echo(new byte[] { 7 }));
        }

        [Test]
        public static void TcpClientTalksToTheServer()
        {
            using var server = new Server();
            foreach (IPEndPoint endPoint in server.EndPoints)
            {
                using var client = new TcpClient(endPoint.AddressFamily);
                client.Connect(endPoint);
                using NetworkStream stream = client.GetStream();
                byte[] data = Peers.Pattern(10_000);
                stream.Write(data);
                Check.Bytes(data, Peers.ReadExactly(stream, data.Length));
                client.Client.Shutdown(SocketShutdown.Send);
                Check.Equal(-1, stream.ReadByte(), "FIN for FIN");
            }
        }

        [Test]
        public static void ClientTalksToATcpListener()
        {
            byte[] data = Peers.Pattern(10_000);
            using var listener = new Peers.Listener(socket =>
            {
                using var stream = new NetworkStream(socket);
                stream.Write(Peers.ReadExactly(stream, data.Length));
                Check.Equal(-1, stream.ReadByte(), "the client's FIN");
            });
            using (var client = new Client(listener.Port))
            {
                Check.Bytes(data, client.Echo(data));
                Check.Equal(listener.Port, client.RemoteEndPoint.Port);
                Check.Equal(IPAddress.Loopback, client.LocalEndPoint.Address);
            }
            listener.Finish();
        }

        [Test]
        public static async Task WrongBytesAreAMismatch()
        {
            byte[] data = Peers.Pattern(1000);
            byte[] wrong = (byte[])data.Clone();
            wrong[700] ^= 1;
            foreach (bool async in new[] { false, true })
            {
                using var listener = new Peers.Listener(socket =>
                {
                    using var stream = new NetworkStream(socket);
                    Peers.ReadExactly(stream, data.Length);
                    stream.Write(wrong);
                });
                using var client = new Client(listener.Port);
                EchoMismatchException mismatch = async
                    ? await Check.ThrowsAsync<EchoMismatchException>(() => client.EchoAsync(data))
                    : Check.Throws<EchoMismatchException>(() => client.Echo(data));
                Check.Equal(700, mismatch.Offset);
                Check.Bytes(wrong, mismatch.Reply);
                listener.Finish();
            }
        }

        [Test]
        public static async Task AnEarlyFinIsDisconnecting()
        {
            foreach (bool async in new[] { false, true })
            {
                using var listener = new Peers.Listener(socket =>
                {
                    using var stream = new NetworkStream(socket);
                    stream.Write(Peers.ReadExactly(stream, 10).AsSpan(0, 4));
                    socket.Shutdown(SocketShutdown.Send);
                    while (stream.ReadByte() >= 0)
                    {
                    }
                });
                using var client = new Client(listener.Port);
                Ws2EchoException failure = async
                    ? await Check.FailsAsync(SocketError.Disconnecting, () => client.EchoAsync(new byte[10]))
                    : Check.Fails(SocketError.Disconnecting, () => client.Echo(new byte[10]));
                Check.Equal(4, failure.BytesTransferred);
                client.Dispose();
                listener.Finish();
            }
        }

        [Test]
        public static void ManyClientsAtOnceGetTheirOwnBytes()
        {
            using var server = new Server();
            Parallel.For(0, 200, new ParallelOptions { MaxDegreeOfParallelism = 50 }, i =>
            {
                using var client = new Client(server.Port);
                byte[] data = Peers.Pattern(5000 + i, i);
                Check.Bytes(data, client.Echo(data));
            });
            Check.Equal(200, server.Stats.ConnectionsAccepted);
        }
    }
}
