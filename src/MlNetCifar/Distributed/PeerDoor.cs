using System.Collections.Concurrent;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;

namespace MlNetCifar.Distributed;

/// <summary>Ports that a worker may listen on.</summary>
/// <param name="First">0 … 65535; 0 for any.</param>
/// <param name="Last">The last of them.</param>
internal readonly record struct PortRange(int First, int Last)
{
    /// <summary>Whichever the system chooses.</summary>
    public static PortRange Any => default;

    /// <summary>The range between two ports.</summary>
    /// <exception cref="FormatException">There is none.</exception>
    public static PortRange Of(int first, int last) => first >= 0 && first <= last && last <= IPEndPoint.MaxPort && (first > 0 || last == 0) ? new(first, last) : throw new FormatException("These are no ports.");

    /// <summary>Reads <c>7100-7163</c> or <c>7100</c>.</summary>
    /// <returns>Null where the text is neither.</returns>
    public static PortRange? Parse(string text)
    {
        var ends = text.Split('-').Select(end => int.TryParse(end, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var port) && port is >= 1 and <= IPEndPoint.MaxPort ? port : 0).ToArray();
        return ends is [var first, ..] && ends.Length <= 2 && ends[^1] >= first && first > 0 ? new(first, ends[^1]) : null;
    }

    public override string ToString() => FormattableString.Invariant($"{First}-{Last}");
}

/// <summary>Where a worker listens for the others of its run, and from where it dials them. Only members of the generation that the run has told of are let in.</summary>
internal sealed class PeerDoor : IDisposable
{
    /// <summary>Longest that the members of a generation may take to find each other.</summary>
    static readonly TimeSpan s_linking = TimeSpan.FromSeconds(10);

    /// <summary>Longest that one of several addresses is tried.</summary>
    static readonly TimeSpan s_dialling = TimeSpan.FromSeconds(3);

    /// <summary>Strangers that may knock at the same time; further ones are turned away.</summary>
    const int MostStrangers = 128;

    // A plain object: Monitor's wait and pulse need it.
    readonly object _gate = new();
    readonly TcpListener? _listener;
    readonly WorkerChaos? _chaos;
    readonly LineIdentity? _identity;
    LinkPlan? _plan;
    PeerLink?[] _links = [];
    int _strangers;
    bool _ending;

    /// <summary>Listens.</summary>
    /// <param name="toRun">This side of the connection to the run: by the same interface others reach it first.</param>
    /// <param name="ports">On one of these.</param>
    /// <param name="chaos">What goes wrong; null for nothing.</param>
    /// <param name="isEncrypted">Whether all connections are.</param>
    public PeerDoor(IPAddress toRun, PortRange ports, WorkerChaos? chaos = null, bool isEncrypted = false)
    {
        _identity = isEncrypted ? new() : null;
        _chaos = chaos;
        _listener = Listen(toRun, ports);
        if (_listener is null)
        {
            Address = new([], 0);
            return;
        }

        Address = new(AddressesOf(toRun), ((IPEndPoint)_listener.LocalEndpoint).Port, _identity?.Fingerprint);
        new Thread(Accept) { IsBackground = true, Name = "mlnetcifar-peers" }.Start();
    }

    /// <summary>Where others reach this worker.</summary>
    public PeerAddress Address { get; }

    /// <summary>Connects with the other members of a generation: dials those before, and waits for those behind.</summary>
    /// <param name="plan">Of the run.</param>
    /// <param name="missing">Who was not reached, and why; null where all were.</param>
    /// <returns>A connection for every other member; the caller's.</returns>
    public PeerLink?[] Link(LinkPlan plan, out string? missing)
    {
        var links = new PeerLink?[plan.Members.Count];
        lock (_gate)
        {
            (_plan, _links) = (plan, links);
            Monitor.PulseAll(_gate);
        }

        var limit = plan.Patience < s_linking ? plan.Patience : s_linking;
        var begun = TimeProvider.System.GetTimestamp();
        var faults = new ConcurrentQueue<string>();
        Thread[] dialling = [.. Enumerable.Range(0, plan.Index).Select(other => new Thread(() => Dial(plan, other, limit, faults)) { IsBackground = true, Name = "mlnetcifar-dial" })];
        foreach (var thread in dialling)
            thread.Start();
        foreach (var thread in dialling)
            thread.Join();
        lock (_gate)
        {
            while (faults.IsEmpty && Unlinked(plan, links).Any() && limit - TimeProvider.System.GetElapsedTime(begun) is { Ticks: > 0 } left)
                Monitor.Wait(_gate, left);

            // Nobody is let in any more: who comes later comes for another generation.
            _links = [];
            missing = !faults.IsEmpty ? string.Join("; ", faults)
                : Unlinked(plan, links).Select(other => FormattableString.Invariant($"worker {plan.Members[other].Worker + 1} does not reach worker {plan.Members[plan.Index].Worker + 1}")).FirstOrDefault();
            return links;
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _ending = true;
            Monitor.PulseAll(_gate);
        }

        _listener?.Dispose();
        _identity?.Dispose();
    }

    static IEnumerable<int> Unlinked(LinkPlan plan, PeerLink?[] links) => Enumerable.Range(0, links.Length).Where(i => i != plan.Index && links[i] is null);

    /// <summary>On this machine alone where the run is on it; else on all interfaces, of both families.</summary>
    static TcpListener? Listen(IPAddress toRun, PortRange ports)
    {
        for (var port = ports.First; port <= ports.Last; port++)
        {
            foreach (var any in IPAddress.IsLoopback(toRun) ? [toRun] : new[] { IPAddress.IPv6Any, IPAddress.Any })
            {
                var listener = new TcpListener(any, port);
                try
                {
                    if (any.Equals(IPAddress.IPv6Any))
                        listener.Server.DualMode = true;
                    listener.Start();
                    return listener;
                }
                catch (SocketException)
                {
                    // Another port, or a system without version 6.
                    listener.Dispose();
                }
            }
        }

        return null;
    }

    static IReadOnlyList<IPAddress> AddressesOf(IPAddress toRun)
    {
        if (IPAddress.IsLoopback(toRun))
            return [toRun];
        var others = NetworkInterface.GetAllNetworkInterfaces().Where(card => card.OperationalStatus == OperationalStatus.Up).SelectMany(card => card.GetIPProperties().UnicastAddresses).Select(found => found.Address)
            .Where(address => !IPAddress.IsLoopback(address) && !address.IsIPv6LinkLocal);
        return [.. others.Prepend(toRun).Distinct().Take(PeerAddress.MostAddresses)];
    }

    /// <summary>Dials one; what went wrong is noted.</summary>
    void Dial(LinkPlan plan, int other, TimeSpan limit, ConcurrentQueue<string> faults)
    {
        var (worker, address) = plan.Members[other];
        var each = address.Addresses.Count > 1 && s_dialling < limit ? s_dialling : limit;
        var cause = "it listens nowhere";
        foreach (var candidate in address.Addresses)
        {
            var socket = new Socket(candidate.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                _chaos?.Reach(worker);
                using var patience = new CancellationTokenSource(each);
                socket.ConnectAsync(new IPEndPoint(candidate, address.Port), patience.Token).AsTask().GetAwaiter().GetResult();
                socket.ReceiveTimeout = socket.SendTimeout = (int)limit.TotalMilliseconds;
                var plain = new NetworkStream(socket, ownsSocket: true);
                var link = new PeerLink(socket, address.Certificate is { } certificate ? LineIdentity.Dial(plain, certificate) : plain, other, worker, plan.Patience, _chaos);
                link.Introduce(new PeerHello(plan.Generation, plan.Key, plan.Index, other));
                Add(plan, link);
                return;
            }
            catch (Exception e) when (e is SocketException or IOException or OperationCanceledException or InvalidDataException or MlNetCifarException)
            {
                socket.Dispose();
                cause = e is OperationCanceledException ? "it does not answer" : e.Message.TrimEnd('.');
            }
        }

        faults.Enqueue(FormattableString.Invariant($"worker {plan.Members[plan.Index].Worker + 1} does not reach worker {worker + 1} ({cause})"));
    }

    void Accept()
    {
        while (true)
        {
            try
            {
                var socket = _listener!.AcceptSocket();
                if (Interlocked.Increment(ref _strangers) > MostStrangers)
                {
                    Interlocked.Decrement(ref _strangers);
                    socket.Dispose();
                    continue;
                }

                new Thread(() => Greet(socket)) { IsBackground = true, Name = "mlnetcifar-peer" }.Start();
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException or InvalidOperationException)
            {
                if (_ending)
                    return;
                Thread.Sleep(50);
            }
        }
    }

    void Greet(Socket socket)
    {
        PeerLink? link = null;
        try
        {
            socket.NoDelay = true;
            socket.ReceiveTimeout = socket.SendTimeout = (int)s_linking.TotalMilliseconds;
            Stream plain = new NetworkStream(socket, ownsSocket: true);
            var stream = _identity?.Serve(plain) ?? plain;
            var hello = PeerLink.Hear(stream);
            if (Admit(hello) is not { } plan)
            {
                Frame.Write(stream, FrameKind.Refuse, Refusal.Of(DistributedErrors.FormerGeneration()).ToJson());
                stream.Dispose();
                return;
            }

            var worker = plan.Members[hello.Index].Worker;
            _chaos?.Reach(worker);
            Frame.Write(stream, FrameKind.Ready, []);
            link = new PeerLink(socket, stream, hello.Index, worker, plan.Patience, _chaos);
            Add(plan, link);
        }
        catch (Exception e) when (e is SocketException or IOException or InvalidDataException or ObjectDisposedException or MlNetCifarException)
        {
            // Whoever knocked is told by the end of the connection.
            link?.Dispose();
            socket.Dispose();
        }
        finally
        {
            Interlocked.Decrement(ref _strangers);
        }
    }

    /// <summary>The generation that somebody belongs to; null where that is another than this worker's, or the key is wrong. Who comes before this worker was told of it waits.</summary>
    LinkPlan? Admit(PeerHello hello)
    {
        var begun = TimeProvider.System.GetTimestamp();
        lock (_gate)
        {
            while (!_ending && (_plan is null || _plan.Generation < hello.Generation) && s_linking - TimeProvider.System.GetElapsedTime(begun) is { Ticks: > 0 } left)
                Monitor.Wait(_gate, left);
            return _plan is { } plan && plan.Generation == hello.Generation && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(plan.Key), Encoding.UTF8.GetBytes(hello.Key))
                && hello.To == plan.Index && hello.Index > plan.Index && hello.Index < _links.Length && _links[hello.Index] is null
                ? plan : null;
        }
    }

    void Add(LinkPlan plan, PeerLink link)
    {
        lock (_gate)
        {
            if (_plan != plan || link.Index >= _links.Length || _links[link.Index] is not null)
            {
                link.Dispose();
                return;
            }

            _links[link.Index] = link;
            Monitor.PulseAll(_gate);
        }
    }
}
