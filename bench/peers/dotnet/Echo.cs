// Echo with .NET's Socket and SocketAsyncEventArgs, which on Windows is a completion port. echo.dll [PORT] [--udp]
using System;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Threading.Tasks;

/// <summary>
/// A connection, or the socket that datagrams come to: one operation at a time. Errors come as values, not as exceptions: a reset is
/// nothing exceptional to a server.
/// </summary>
internal sealed class Echo
{
    private const int SmallBytes = 4 * 1024;
    private const int BufferBytes = 256 * 1024;

    private static readonly EndPoint Anyone = new IPEndPoint(IPAddress.Any, 0);

    private readonly Socket _socket;
    private readonly bool _udp;
    private readonly SocketAsyncEventArgs _operation = new SocketAsyncEventArgs();
    private byte[] _buffer;
    private bool _sending;

    public Echo(Socket socket, bool udp)
    {
        _socket = socket;
        _udp = udp;
        _buffer = new byte[udp ? 65536 : SmallBytes];
        _operation.SetBuffer(_buffer, 0, _buffer.Length);
        _operation.Completed += (_, __) => GoOn(done: true);
    }

    public void Start() => GoOn(done: false);

    /// <summary>Goes on until an operation is pending: what is done at once has no callback.</summary>
    private void GoOn(bool done)
    {
        for (; !done || Take(); done = true)
        {
            if (StartNext())
            {
                return;
            }
        }
        _socket.Dispose(); // sends what is left, then FIN
        _operation.Dispose();
    }

    private bool StartNext()
    {
        if (!_udp)
        {
            return _sending ? _socket.SendAsync(_operation) : _socket.ReceiveAsync(_operation);
        }
        if (_sending)
        {
            return _socket.SendToAsync(_operation);
        }
        _operation.RemoteEndPoint = Anyone;
        return _socket.ReceiveFromAsync(_operation);
    }

    /// <summary>Takes in what was done; false at the end, which is FIN or an error.</summary>
    private bool Take()
    {
        var succeeded = _operation.SocketError == SocketError.Success;
        var bytes = _operation.BytesTransferred;
        if (_udp)
        {
            _sending = succeeded && !_sending;
            _operation.SetBuffer(0, _sending ? bytes : _buffer.Length);
            return true;
        }
        if (!succeeded || bytes == 0)
        {
            return false;
        }
        if (!_sending)
        {
            _sending = true;
            _operation.SetBuffer(0, bytes);
        }
        else if (bytes < _operation.Count)
        {
            _operation.SetBuffer(_operation.Offset + bytes, _operation.Count - bytes);
        }
        else
        {
            _sending = false;
            Grow(_operation.Offset + bytes);
            _operation.SetBuffer(_buffer, 0, _buffer.Length);
        }
        return true;
    }

    /// <summary>A receive that filled the buffer tells of a stream.</summary>
    private void Grow(int received)
    {
        if (received == _buffer.Length && received < BufferBytes)
        {
            _buffer = new byte[BufferBytes];
        }
    }
}

internal static class Program
{
    private static async Task Main(string[] arguments)
    {
        var udp = arguments.Contains("--udp");
        var port = int.Parse(arguments.FirstOrDefault(argument => argument != "--udp") ?? "0");
        var type = udp ? SocketType.Dgram : SocketType.Stream;
        var opened = new Socket(AddressFamily.InterNetwork, type, udp ? ProtocolType.Udp : ProtocolType.Tcp);
        opened.Bind(new IPEndPoint(IPAddress.Loopback, port));
        if (!udp)
        {
            opened.Listen(1024);
        }
        Console.WriteLine($"listening on {((IPEndPoint)opened.LocalEndPoint!).Port}");
        if (udp)
        {
            new Echo(opened, udp: true).Start();
            await Task.Delay(-1);
        }
        while (true)
        {
            var connection = await opened.AcceptAsync();
            connection.NoDelay = true;
            new Echo(connection, udp: false).Start();
        }
    }
}
