using System.Net;
using System.Net.Sockets;
using MlNetCifar.Training;

namespace MlNetCifar.Distributed;

/// <summary>What a worker does: dials its run, opens the data as it is told, and computes slices until the run ends or is gone.</summary>
internal static class WorkerProgram
{
    static readonly TimeSpan s_busy = TimeSpan.FromMilliseconds(500);

    /// <summary>A firewall that swallows what is sent would be waited for as long as the system likes, which is minutes.</summary>
    static readonly TimeSpan s_dialling = TimeSpan.FromSeconds(15);

    /// <summary>Works.</summary>
    /// <param name="address">Where the run is.</param>
    /// <param name="token">By which it knows the worker.</param>
    /// <param name="open">Opens the images of a run.</param>
    /// <param name="kill">Ends this worker where a rehearsal wants it killed; null for its process.</param>
    /// <exception cref="MlNetCifarException">There is no such run, it refused the worker, or the worker cannot take part (MNC33xx, or what opening the data gave); the run is told.</exception>
    public static void Run(IPEndPoint address, string token, Func<Welcome, WorkerImages> open, Action? kill = null)
    {
        using var socket = Dial(address);
        using var stream = new NetworkStream(socket);
        try
        {
            Work(stream, token, open, kill);
        }
        catch (IOException)
        {
            // The run is gone, and there is nothing left to do for it.
        }
    }

    /// <summary>Calls a run.</summary>
    /// <exception cref="MlNetCifarException">There is none (MNC3312).</exception>
    public static Socket Dial(IPEndPoint address)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            using var limit = new CancellationTokenSource(s_dialling);
            socket.ConnectAsync(address, limit.Token).AsTask().GetAwaiter().GetResult();
            return socket;
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            socket.Dispose();
            throw DistributedErrors.NoRun($"{address}", e);
        }
    }

    static void Work(NetworkStream stream, string token, Func<Welcome, WorkerImages> open, Action? kill)
    {
        var reader = new FrameReader(stream);
        Frame.Write(stream, FrameKind.Hello, Hello.Own(token).ToJson());

        // What the run sends is bounded by a network, which is not known yet.
        reader.Most = Welcome.MostBytes;
        var kind = reader.Next();
        if (kind == FrameKind.Refuse)
            throw Refusal.Read(reader.Rest()).ToException();
        if (kind != FrameKind.Welcome)
            return;
        try
        {
            var welcome = Welcome.Read(reader.Rest());
            using var images = open(welcome);
            using var session = new WorkerSession(welcome, images);
            Frame.Write(stream, FrameKind.Ready, []);
            Serve(stream, reader, session, step => welcome.Chaos?.Strike(step, kill));
        }
        catch (Exception e) when (e is not IOException)
        {
            Frame.Write(stream, FrameKind.Fault, Refusal.Of(e).ToJson());
            throw;
        }
    }

    static void Serve(NetworkStream stream, FrameReader reader, WorkerSession session, Action<long> strike)
    {
        Span<byte> bytes = stackalloc byte[WorkHead.Length];
        var (waited, first) = (TimeSpan.Zero, true);
        var said = TimeProvider.System.GetTimestamp();
        reader.Most = WorkHead.Length + session.MostStateBytes;
        session.AfterBatches(SayBusy);
        while (true)
        {
            var begun = TimeProvider.System.GetTimestamp();
            if (reader.Next() is not FrameKind.Work)
                return;
            waited += TimeProvider.System.GetElapsedTime(begun);
            reader.Read(bytes);
            var work = WorkHead.Read(bytes);
            session.Enter(work);
            foreach (var block in work.HasWeights ? session.State : [])
                reader.Read(block.Values());
            reader.End();
            if (work.HasWeights)
                session.Changed(first);
            else if (first)
                throw new InvalidDataException("the first work came without weights");
            first = false;
            strike(work.Place.Step + 1);
            said = TimeProvider.System.GetTimestamp();
            foreach (var sum in session.Compute(work))
                Send(stream, work, sum, waited);
        }

        // Who trains a model for long is no one who hangs.
        void SayBusy()
        {
            if (TimeProvider.System.GetElapsedTime(said) < s_busy)
                return;
            Frame.Write(stream, FrameKind.Busy, []);
            said = TimeProvider.System.GetTimestamp();
        }
    }

    static void Send(NetworkStream stream, WorkHead work, SliceSum sum, TimeSpan waited)
    {
        Span<byte> head = stackalloc byte[PartHead.Length];
        new PartHead(work.Ticket, sum.First, sum.Count, sum.Correct, sum.Loss, sum.Weight, waited.TotalSeconds).Write(head);
        Frame.Write(stream, FrameKind.Part, head, sum.Values);
    }
}
