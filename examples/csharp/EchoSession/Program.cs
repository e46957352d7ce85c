// A session with an echo server: EchoSession [HOST [PORT]], by default port 27015 of localhost; or EchoSession --self, with a
// server of its own.
using System;
using System.Net.Sockets;
using System.Text;
using Ws2Echo;

internal static class Program
{
    private static int Main(string[] arguments)
    {
        try
        {
            if (arguments.Length == 1 && arguments[0] == "--self")
            {
                using var server = new Server();
                Session("localhost", server.Port);
            }
            else
            {
                Session(
                    arguments.Length > 0 ? arguments[0] : "localhost",
                    arguments.Length > 1 ? int.Parse(arguments[1]) : 27015);
            }
            return 0;
        }
        catch (SocketException failure)
        {
            Console.Error.WriteLine(failure.Message);
            return 1;
        }
        catch (FormatException)
        {
            Console.Error.WriteLine("usage: EchoSession [HOST [PORT]] | --self");
            return 2;
        }
    }

    private static void Session(string host, int port)
    {
        using var client = new Client(port, host);
        Console.WriteLine($"Connected to {client.RemoteEndPoint}");

        byte[] reply = client.Echo(Encoding.ASCII.GetBytes("this is a test"));
        Console.WriteLine($"Bytes Sent: {client.Stats.BytesSent}");
        Console.WriteLine($"Bytes received: {client.Stats.BytesReceived} ({Encoding.ASCII.GetString(reply)})");

        client.Shutdown(Half.Send);
        if (client.Receive(new byte[1]) == 0)
        {
            Console.WriteLine("Connection closed");
        }
    }
}
