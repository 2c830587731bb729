using System.Globalization;
using System.Net;
using System.Net.Sockets;
using MlNetCifar.Spark.Stage;

namespace MlNetCifar.Spark.Executors;

/// <summary>Which of this machine's addresses executors dial.</summary>
static class ListenAddress
{
    /// <summary>The address that was asked for; else the loopback address where the server is this machine, else that by which the server is reached.</summary>
    /// <param name="text">Address or name, with a port or without; null where none was asked for.</param>
    /// <param name="host">Of the Connect server.</param>
    /// <param name="port">Of the Connect server.</param>
    /// <exception cref="MlNetCifarException">It is none (MNC6092).</exception>
    public static IPEndPoint Find(string? text, string host, int port)
    {
        if (text is not null)
            return Read(text);
        if (WorkerProgram.IsThisMachine(host))
            return new(IPAddress.Loopback, 0);
        try
        {
            // Nothing is sent: the system says only which way it would go.
            using var socket = new Socket(SocketType.Dgram, ProtocolType.Udp);
            socket.Connect(host.Trim('[', ']'), port);
            var address = ((IPEndPoint)socket.LocalEndPoint!).Address;
            return new(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address, 0);
        }
        catch (SocketException e)
        {
            throw ExecutorErrors.NoAddress(host, e.Message.TrimEnd('.'));
        }
    }

    static IPEndPoint Read(string text)
    {
        var (name, port) = Split(text);
        var address = Resolve(text, name);
        return address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any) ? throw ExecutorErrors.NoAddress(text, "it stands for all addresses, and workers dial one") : new(address, port);
    }

    static IPAddress Resolve(string text, string name)
    {
        if (IPAddress.TryParse(name, out var address))
            return address;
        try
        {
            return Dns.GetHostAddresses(name) is [var first, ..] ? first : throw ExecutorErrors.NoAddress(text, "the name has no address");
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            throw ExecutorErrors.NoAddress(text, e.Message.TrimEnd('.'));
        }
    }

    /// <summary>An address of version 6 holds colons itself, and stands in brackets before a port.</summary>
    static (string Name, int Port) Split(string text)
    {
        var colon = text.LastIndexOf(':');
        if (colon < 0 || text.EndsWith(']') || (text[0] != '[' && text.IndexOf(':') < colon))
            return (text.Trim('[', ']'), 0);
        return int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port <= IPEndPoint.MaxPort
            ? (text[..colon].Trim('[', ']'), port)
            : throw ExecutorErrors.NoAddress(text, "its port is none");
    }
}
