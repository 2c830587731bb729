using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using MlNetCifar.Distributed;

namespace MlNetCifar.Tuning;

/// <summary>Where the workers of trials dial: lets in who has the token of a trial, once. Thread-safe.</summary>
internal sealed class TrialDoor : IDisposable
{
    /// <summary>Strangers that may knock at the same time; further ones wait.</summary>
    const int MostStrangers = 16;

    static readonly TimeSpan s_greeting = TimeSpan.FromSeconds(10);
    static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(50);

    readonly TcpListener _listener;
    readonly SemaphoreSlim _strangers = new(MostStrangers);
    readonly Dictionary<string, TaskCompletionSource<NetworkStream>> _expected = [];
    readonly CancellationTokenSource _end = new();

    /// <summary>Opens it.</summary>
    /// <exception cref="MlNetCifarException">The port is taken (MNC3304).</exception>
    public TrialDoor(IPEndPoint listen)
    {
        _listener = new TcpListener(listen);
        try
        {
            _listener.Start();
        }
        catch (SocketException e)
        {
            _listener.Dispose();
            throw DistributedErrors.PortTaken(listen, e);
        }

        _ = AcceptAsync();
    }

    /// <summary>What workers dial.</summary>
    public IPEndPoint Address => (IPEndPoint)_listener.LocalEndpoint;

    /// <summary>A new token, and the connection of the worker that comes with it.</summary>
    public (string Token, Task<NetworkStream> Coming) Expect()
    {
        var (token, coming) = (Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32)), new TaskCompletionSource<NetworkStream>(TaskCreationOptions.RunContinuationsAsynchronously));
        lock (_expected)
            _expected[token] = coming;
        return (token, coming.Task);
    }

    /// <summary>Whoever comes with a token from now on is a stranger.</summary>
    public void Forget(string token)
    {
        lock (_expected)
            _expected.Remove(token);
    }

    public void Dispose()
    {
        _end.Cancel();
        _listener.Dispose();
    }

    async Task AcceptAsync()
    {
        while (!_end.IsCancellationRequested)
        {
            try
            {
                await _strangers.WaitAsync(_end.Token).ConfigureAwait(false);
                var socket = await _listener.AcceptSocketAsync(_end.Token).ConfigureAwait(false);
                _ = Task.Run(() => Greet(socket));
            }
            catch (SocketException)
            {
                // Somebody left before the door was opened; where the system has no room for another, there may be some later.
                _strangers.Release();
                await Task.Delay(s_look).ConfigureAwait(false);
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    void Greet(Socket socket)
    {
        var stream = new NetworkStream(socket, ownsSocket: true);
        try
        {
            socket.NoDelay = true;
            socket.ReceiveTimeout = socket.SendTimeout = (int)s_greeting.TotalMilliseconds;
            KeptAlive(socket);
            var coming = Know(Introduction(stream));
            socket.ReceiveTimeout = 0;
            coming.SetResult(stream);
        }
        catch (Exception e)
        {
            // Whatever went wrong is the end of one connection; on this thread it would be that of the process.
            Refuse(stream, e);
            stream.Dispose();
        }
        finally
        {
            _strangers.Release();
        }
    }

    static Hello Introduction(NetworkStream stream)
    {
        var reader = new FrameReader(stream);
        return reader.Next() == FrameKind.Hello ? Hello.Read(reader.Rest()) : throw new InvalidDataException("a worker does not introduce itself");
    }

    /// <summary>Who waits for the worker, that is thereby no stranger.</summary>
    /// <exception cref="MlNetCifarException">It is nobody's, or not as it should be, which the trial is told.</exception>
    TaskCompletionSource<NetworkStream> Know(Hello hello)
    {
        var token = Encoding.UTF8.GetBytes(hello.Token);
        TaskCompletionSource<NetworkStream> coming;
        lock (_expected)
        {
            (var known, coming) = _expected.FirstOrDefault(pair => CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(pair.Key), token));
            if (known is null)
                throw DistributedErrors.WrongToken();
            _expected.Remove(known);
        }

        if (hello.Fault is not { } fault)
            return coming;
        coming.SetException(fault);
        throw fault;
    }

    static void Refuse(NetworkStream stream, Exception cause)
    {
        try
        {
            Frame.Write(stream, FrameKind.Refuse, Refusal.Of(cause).ToJson());
        }
        catch (IOException)
        {
            // It has left.
        }
    }

    /// <summary>A trial says nothing for an epoch, and a machine that is gone says nothing at all: the systems ask each other.</summary>
    public static void KeptAlive(Socket socket)
    {
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 15);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, 5);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, 3);
    }
}
