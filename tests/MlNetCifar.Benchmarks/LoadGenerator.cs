using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace MlNetCifar.Benchmarks;

/// <summary>Keeps connections to a server on this machine busy: each sends a request, waits for its answer, and sends the next.</summary>
internal sealed class LoadGenerator(int port, string path, IReadOnlyList<byte[]> bodies)
{
    readonly byte[][] _requests =
    [
        .. bodies.Select(body => (byte[])
        [
            .. Encoding.ASCII.GetBytes(FormattableString.Invariant($"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\nContent-Length: {body.Length}\r\n\r\n")), .. body,
        ]),
    ];

    readonly List<double> _milliseconds = [];
    int _next;
    volatile bool _isOver;

    /// <summary>Answers by status.</summary>
    public SortedDictionary<int, int> Answers { get; } = [];

    /// <summary>Requests that were sent and not answered.</summary>
    public int Lost { get; private set; }

    /// <summary>Connections that nobody took, which ends one of those kept busy.</summary>
    public int Refused { get; private set; }

    /// <summary>Answers a second.</summary>
    public double Rate { get; private set; }

    /// <summary>Runs.</summary>
    /// <param name="connections">How many at once.</param>
    /// <param name="time">How long.</param>
    public async Task<LoadGenerator> RunAsync(int connections, TimeSpan time)
    {
        var clock = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, connections).Select(_ => Task.Run(() => KeepBusyAsync(clock, time))));
        Rate = Answers.Values.Sum() / clock.Elapsed.TotalSeconds;
        return this;
    }

    /// <summary>Sends no more.</summary>
    public void Stop() => _isOver = true;

    /// <summary>Milliseconds of an answer that so large a share of them did not exceed.</summary>
    public double Quantile(double share) => _milliseconds.Count == 0 ? double.NaN : _milliseconds.Order().ElementAt(Math.Min(_milliseconds.Count - 1, (int)(share * _milliseconds.Count)));

    async Task KeepBusyAsync(Stopwatch clock, TimeSpan time)
    {
        var buffer = new byte[16 << 10];
        while (clock.Elapsed < time && !_isOver)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            var isOpen = false;
            try
            {
                await socket.ConnectAsync(IPAddress.Loopback, port);
                var stays = isOpen = true;
                while (stays && clock.Elapsed < time && !_isOver)
                {
                    var start = Stopwatch.GetTimestamp();
                    await socket.SendAsync(_requests[(uint)Interlocked.Increment(ref _next) % (uint)_requests.Length]);
                    (var status, stays) = await AnswerAsync(socket, buffer);
                    lock (_milliseconds)
                    {
                        _milliseconds.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
                        Answers[status] = Answers.GetValueOrDefault(status) + 1;
                    }
                }
            }
            catch (SocketException)
            {
                lock (_milliseconds)
                    (Lost, Refused) = isOpen ? (Lost + 1, Refused) : (Lost, Refused + 1);
                if (!isOpen)
                    return;
            }
        }
    }

    /// <summary>Reads one answer whole.</summary>
    static async Task<(int Status, bool Stays)> AnswerAsync(Socket socket, byte[] buffer)
    {
        var length = 0;
        while (true)
        {
            var read = await socket.ReceiveAsync(buffer.AsMemory(length));
            if (read == 0)
                throw new SocketException((int)SocketError.ConnectionReset);
            length += read;
            var head = buffer.AsSpan(0, length).IndexOf("\r\n\r\n"u8);
            if (head < 0)
                continue;
            var text = Encoding.ASCII.GetString(buffer, 0, head);
            var at = text.IndexOf("Content-Length: ", StringComparison.Ordinal) + "Content-Length: ".Length;
            var end = text.IndexOf('\r', at);
            var body = int.Parse(end < 0 ? text[at..] : text[at..end], CultureInfo.InvariantCulture);
            while (length < head + 4 + body)
                length += await socket.ReceiveAsync(buffer.AsMemory(length)) is > 0 and var more ? more : throw new SocketException((int)SocketError.ConnectionReset);
            return (int.Parse(text.AsSpan(9, 3), CultureInfo.InvariantCulture), !text.Contains("Connection: close", StringComparison.Ordinal));
        }
    }
}
