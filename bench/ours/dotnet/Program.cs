using System;
using System.Diagnostics;
using System.Globalization;
using Ws2Echo;

/// <summary>
/// A client of the .NET binding, to measure what a call costs: "EchoClient PORT". Each line of its input is a number of echoes of
/// 64 bytes to make; each is answered by a line of JSON.
/// </summary>
internal static class Program
{
    private static void Main(string[] arguments)
    {
        var port = int.Parse(arguments[0], CultureInfo.InvariantCulture);
        using var client = new Client(new ClientOptions { Host = "127.0.0.1", Port = port });
        var message = new byte[64];
        var reply = new byte[64];
        string? line;
        while ((line = Console.ReadLine()) != null)
        {
            var echoes = int.Parse(line, CultureInfo.InvariantCulture);
            var watch = Stopwatch.StartNew();
            for (var i = 0; i < echoes; i++)
            {
                client.Echo(message, reply);
            }
            var rate = (echoes / watch.Elapsed.TotalSeconds).ToString("F1", CultureInfo.InvariantCulture);
            Console.WriteLine($"{{\"echoes_per_s\": {rate}}}");
        }
    }
}
