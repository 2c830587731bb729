using System.Net;
using System.Net.Sockets;

namespace MlNetCifar.Tests.Distributed;

/// <summary>What goes wrong on a wire.</summary>
public enum WireFault
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>The connection ends, as it does when a process is killed.</summary>
    Cut,

    /// <summary>Nothing comes any more, and the connection stays, as it does when a process hangs.</summary>
    Stall,

    /// <summary>A bit is changed.</summary>
    Flip,
}

/// <summary>A way from one worker to its run on which something goes wrong after so many bytes from the worker.</summary>
sealed class FaultyWire : IDisposable
{
    readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    readonly IPEndPoint _target;
    readonly WireFault _fault;
    readonly long _after;
    readonly ManualResetEventSlim _disposed = new();
    readonly List<Socket> _sockets = [];

    readonly MemoryStream _passed = new();
    long _answered;

    public FaultyWire(IPEndPoint target, WireFault fault, long after)
    {
        (_target, _fault, _after) = (target, fault, after);
        _listener.Start();
        new Thread(Connect) { IsBackground = true }.Start();
    }

    public IPEndPoint Address => (IPEndPoint)_listener.LocalEndpoint;

    /// <summary>All that has passed, both ways.</summary>
    public byte[] Passed
    {
        get
        {
            lock (_passed)
                return _passed.ToArray();
        }
    }

    /// <summary>Bytes that have come from the worker.</summary>
    public long Answered => Interlocked.Read(ref _answered);

    public void Dispose()
    {
        _disposed.Set();
        _listener.Stop();
        Close();
    }

    void Connect()
    {
        try
        {
            var worker = _listener.AcceptSocket();
            var run = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            run.Connect(_target);
            lock (_sockets)
                _sockets.AddRange([worker, run]);
            new Thread(() => Pump(run, worker, WireFault.None, isAnswer: false)) { IsBackground = true }.Start();
            Pump(worker, run, _fault, isAnswer: true);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            Close();
        }
    }

    void Pump(Socket from, Socket to, WireFault fault, bool isAnswer)
    {
        var buffer = new byte[1 << 16];
        try
        {
            for (long passed = 0; from.Receive(buffer) is > 0 and var count; passed += count)
            {
                // Before the run has it: what a step is answered with is counted when the next one begins.
                Interlocked.Add(ref _answered, isAnswer ? count : 0);
                if (fault != WireFault.None && passed + count > _after)
                {
                    var at = (int)Math.Max(0, _after - passed);
                    if (fault == WireFault.Flip)
                        buffer[at] ^= 4;
                    else
                        count = at;
                }

                lock (_passed)
                    _passed.Write(buffer, 0, count);
                for (var sent = 0; sent < count;)
                    sent += to.Send(buffer, sent, count - sent, SocketFlags.None);
                if (fault == WireFault.None || passed + count < _after)
                    continue;
                if (fault == WireFault.Stall)
                    _disposed.Wait();
                if (fault == WireFault.Cut)
                    break;
                fault = WireFault.None;
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // One end has left.
        }

        Close();
    }

    void Close()
    {
        lock (_sockets)
            _sockets.ForEach(s => s.Dispose());
    }
}
