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
    /// <param name="token">By which it knows the worker; behind a blank, where it encrypts, the fingerprint of its certificate.</param>
    /// <param name="open">Opens the images of a run.</param>
    /// <param name="kill">Ends this worker where a rehearsal wants it killed; null for its process.</param>
    /// <param name="secret">That the run must know; null for none.</param>
    /// <exception cref="MlNetCifarException">There is no such run, it refused the worker, or the worker cannot take part (MNC33xx, or what opening the data gave); the run is told.</exception>
    public static void Run(IPEndPoint address, string token, Func<Welcome, WorkerImages> open, Action? kill = null, WorkerSecret? secret = null)
    {
        var certificate = token.Split(' ') is [_, var fingerprint] ? fingerprint : null;
        if (secret is not null && certificate is null)
            throw DistributedErrors.RunWithoutSecret();
        using var socket = Dial(address);
        using var stream = Encrypt(new NetworkStream(socket), address, certificate);
        try
        {
            Work(stream, ((IPEndPoint)socket.LocalEndPoint!).Address, new(token.Split(' ')[0], certificate, secret), open, kill);
        }
        catch (IOException)
        {
            // The run is gone, and there is nothing left to do for it.
        }
    }

    static Stream Encrypt(NetworkStream stream, IPEndPoint address, string? certificate)
    {
        try
        {
            return certificate is null ? stream : LineIdentity.Dial(stream, certificate);
        }
        catch (IOException e)
        {
            throw DistributedErrors.NoRun($"{address}", e);
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

    static void Work(Stream stream, IPAddress local, Invitation invitation, Func<Welcome, WorkerImages> open, Action? kill)
    {
        var reader = new FrameReader(stream);
        Frame.Write(stream, FrameKind.Hello, (Hello.Own(invitation.Token) with { Proof = invitation.Proof(Invitation.OfWorker) }).ToJson());

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
            if (!invitation.IsProof(welcome.Proof, Invitation.OfRun))
                throw DistributedErrors.WrongSecret("The run");
            using var images = open(welcome);
            using var session = new WorkerSession(welcome, images);
            using var line = new RunLine(stream, reader);
            using var peers = welcome.PeerPorts is { } ports ? new PeerWorker(line, session, new PeerDoor(local, ports, welcome.Chaos, isEncrypted: invitation.Certificate is not null)) : null;
            Frame.Write(stream, FrameKind.Ready, peers?.Address.ToJson() ?? []);
            using var sender = new PartSender(line, session.IsServed);
            Serve(stream, line, sender, session, peers, step => welcome.Chaos?.Strike(step, kill));
        }
        catch (Exception e) when (e is not IOException)
        {
            Tell(stream, e);
            throw;
        }
    }

    static void Tell(Stream stream, Exception fault)
    {
        try
        {
            Frame.Write(stream, FrameKind.Fault, Refusal.Of(fault).ToJson());
        }
        catch (IOException)
        {
            // The run has left already; the fault is what this worker ends with.
        }
    }

    static void Serve(Stream stream, RunLine line, PartSender sender, WorkerSession session, PeerWorker? peers, Action<long> strike)
    {
        var reader = line.Reader;
        Span<byte> bytes = stackalloc byte[WorkHead.Length];
        var (waited, first) = (TimeSpan.Zero, true);
        var said = TimeProvider.System.GetTimestamp();
        reader.Most = Math.Max(Welcome.MostLinks, WorkHead.Length + StateHead.Length + session.MostStateBytes);
        session.AfterBatches(SayBusy);
        var sums = new WireSums(stream, reader);
        // Until the first work others are coming still: nobody holds anybody up.
        for (var kind = line.Next(); kind is { } some;)
        {
            if (peers is not null && PeerWorker.Takes(some))
            {
                peers.Take(some, waited, strike);
                kind = Wait();
                continue;
            }

            if (some is not FrameKind.Work)
                return;
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
            sums.Begin(work);
            try
            {
                sender.Begin(work, session.Format);
                session.Compute(work, sums, (nodes, parts) => sender.Offer(nodes, parts, waited + sums.Waited));
                sender.Finish();
                kind = Wait();
            }
            catch (OperationCanceledException)
            {
                // Another worker was lost, for whose slices this one has waited: the batch begins again.
                kind = sums.Instead;
            }
        }

        FrameKind? Wait()
        {
            var begun = TimeProvider.System.GetTimestamp();
            var kind = line.Next();
            waited += TimeProvider.System.GetElapsedTime(begun);
            return kind;
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
}
