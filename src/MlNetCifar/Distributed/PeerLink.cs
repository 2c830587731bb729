using System.Net.Sockets;

namespace MlNetCifar.Distributed;

/// <summary>A worker could not go on with another.</summary>
/// <param name="reason">In words that name it.</param>
internal sealed class PeerFault(string reason) : Exception(reason);

/// <summary>A worker's connection to another one: written by one thread, read by another.</summary>
internal sealed class PeerLink : IDisposable
{
    readonly Socket _socket;
    readonly Stream _stream;
    readonly WorkerChaos? _chaos;
    readonly TimeSpan _patience;

    /// <summary>Takes a connection.</summary>
    /// <param name="socket">Of the stream.</param>
    /// <param name="stream">Owned.</param>
    /// <param name="index">Which member of the generation is on its other side.</param>
    /// <param name="worker">Which worker that is.</param>
    /// <param name="patience">Longest that it may take to read what it is sent.</param>
    /// <param name="chaos">What goes wrong; null for nothing.</param>
    public PeerLink(Socket socket, Stream stream, int index, int worker, TimeSpan patience, WorkerChaos? chaos)
    {
        (_socket, _stream, _chaos, _patience, Index, Worker) = (socket, stream, chaos, patience, index, worker);
        Reader = new(_stream);
    }

    public int Index { get; }

    public int Worker { get; }

    public FrameReader Reader { get; }

    /// <summary>Bytes written so far.</summary>
    public long Sent { get; private set; }

    /// <summary>Parts of the step at hand whose nodes have been sent, and whose sums. They belong to the lock of whoever sends.</summary>
    public (int Nodes, int Totals) Parts { get; set; }

    /// <summary>Hears who has come.</summary>
    public static PeerHello Hear(Stream stream)
    {
        var reader = new FrameReader(stream);
        return reader.Next() == FrameKind.Peer ? PeerHello.Read(reader.Rest()) : throw new InvalidDataException("a worker does not introduce itself");
    }

    /// <summary>Says who has come, and waits to be let in.</summary>
    public void Introduce(PeerHello hello)
    {
        Frame.Write(_stream, FrameKind.Peer, hello.ToJson());
        switch (Reader.Next())
        {
            case FrameKind.Ready:
                Reader.Rest();
                break;
            case FrameKind.Refuse:
                throw Refusal.Read(Reader.Rest()).ToException();
            default:
                throw new InvalidDataException("it does not answer as a worker does");
        }
    }

    /// <summary>To be called when both have found each other: from now on it is the run that decides how long is waited for what is read.</summary>
    /// <param name="most">Floats of the longest message.</param>
    public void Begin(int most)
    {
        _socket.ReceiveTimeout = 0;
        _socket.SendTimeout = (int)Math.Clamp(_patience.TotalMilliseconds, 1, int.MaxValue);
        Reader.Most = Math.Max(Frame.MostAtFirst, checked(SumHead.Length + (most * sizeof(float))));
    }

    /// <summary>Writes a sum, or a part of it.</summary>
    public void Write(FrameKind kind, SumHead head, ReadOnlySpan<float> floats, int gradients, GradientFormat format)
    {
        // What is sent into a partition is lost, and the sender does not notice.
        if (_chaos?.IsCut(Worker) == true)
            return;
        Span<byte> bytes = stackalloc byte[SumHead.Length];
        head.Write(bytes);
        Sent += Frame.Write(_stream, kind, bytes, floats, gradients, format);
    }

    /// <summary>Waits for a sum, or a part of it.</summary>
    /// <param name="kind">What has come, of nodes or of the whole.</param>
    public SumHead Expect(out FrameKind kind)
    {
        kind = Reader.Next() ?? throw new IOException("its connection ended");
        if (kind is not (FrameKind.Node or FrameKind.Total))
            throw new InvalidDataException($"it sent {kind}, expected {FrameKind.Node} or {FrameKind.Total}");
        Span<byte> bytes = stackalloc byte[SumHead.Length];
        Reader.Read(bytes);
        return SumHead.Read(bytes);
    }

    public void Dispose() => _stream.Dispose();
}
