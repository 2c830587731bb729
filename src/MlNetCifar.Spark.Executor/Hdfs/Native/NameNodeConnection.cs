using System.Buffers.Binary;
using System.Net.Sockets;
using Google.Protobuf;
using MlNetCifar.Spark.Protos.Hadoop;

namespace MlNetCifar.Spark.Hdfs;

/// <summary>A connection to a name node over Hadoop's RPC, version 9, with simple authentication; one call at a time.</summary>
sealed class NameNodeConnection : IDisposable
{
    const string Protocol = "org.apache.hadoop.hdfs.protocol.ClientProtocol";
    const int ContextCall = -3;
    const int ProtocolBuffers = 2;
    const int MaxFrame = 64 << 20;

    static readonly MessageParser<GetBlockLocationsResponseProto> s_locations = GetBlockLocationsResponseProto.Parser.WithDiscardUnknownFields(true);
    static readonly MessageParser<GetListingResponseProto> s_listings = GetListingResponseProto.Parser.WithDiscardUnknownFields(true);

    readonly Stream _stream;
    readonly ByteString _client = ByteString.CopyFrom(Guid.NewGuid().ToByteArray());
    byte[] _frame = [];
    int _last;

    /// <summary>Says who calls.</summary>
    /// <param name="stream">A connected stream; owned from now on.</param>
    /// <param name="user">The HDFS user.</param>
    public NameNodeConnection(Stream stream, string user)
    {
        _stream = stream;
        // Magic, version 9, no service class, no SASL.
        stream.Write("hrpc\x09\0\0"u8);
        Send(ContextCall, new IpcConnectionContextProto { UserInfo = new() { EffectiveUser = user }, Protocol = Protocol }, null);
    }

    /// <summary>Runs a call.</summary>
    /// <param name="method">Its name in ClientProtocol.</param>
    /// <param name="request">Its parameters.</param>
    /// <param name="parser">Of its result.</param>
    /// <exception cref="HadoopRpcException">The name node refused.</exception>
    /// <exception cref="IOException">The connection failed.</exception>
    public T Call<T>(string method, IMessage request, MessageParser<T> parser)
        where T : IMessage<T>
    {
        var id = ++_last & int.MaxValue;
        Send(id, new RequestHeaderProto { MethodName = method, DeclaringClassProtocolName = Protocol, ClientProtocolVersion = 1 }, request);
        Span<byte> length = stackalloc byte[sizeof(int)];
        _stream.ReadExactly(length);
        var size = BinaryPrimitives.ReadInt32BigEndian(length);
        if (size is <= 0 or > MaxFrame)
            throw new InvalidDataException($"A frame of {size} bytes.");
        // Kept, as listings would otherwise litter the large object heap.
        if (_frame.Length < size)
            _frame = new byte[size];
        _stream.ReadExactly(_frame, 0, size);
        var input = new CodedInputStream(_frame, 0, size);
        var header = new RpcResponseHeaderProto();
        input.ReadMessage(header);
        // A server that wants another authentication or another version answers no call but ends the conversation.
        if (header.CallId != id)
            throw new InvalidDataException($"{header.ExceptionClassName}: {header.ErrorMsg}");
        if (header.Status != 0)
            throw new HadoopRpcException(header.ExceptionClassName, header.ErrorMsg);
        var message = input.ReadLength();
        var start = (int)input.Position;
        if (message < 0 || message > size - start)
            throw new InvalidDataException($"A message of {message} bytes in a frame of {size}.");
        return parser.ParseFrom(_frame.AsSpan(start, message));
    }

    /// <summary>Where the blocks of a file lie; null where there is no such file.</summary>
    /// <exception cref="HadoopRpcException">The name node refused.</exception>
    /// <exception cref="IOException">The connection failed.</exception>
    public LocatedBlocksProto? GetBlockLocations(string path, long length) =>
        Call("getBlockLocations", new GetBlockLocationsRequestProto { Src = path, Offset = 0, Length = (ulong)length }, s_locations).Locations;

    /// <summary>Some of a folder's children in the order of their names, files with the places of their blocks, and how many are left.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="after">The name before the first that is wanted; empty for the start.</param>
    /// <exception cref="HadoopRpcException">The name node refused.</exception>
    /// <exception cref="IOException">The connection failed.</exception>
    public DirectoryListingProto? GetListing(string folder, ByteString after) =>
        Call("getListing", new GetListingRequestProto { Src = folder, StartAfter = after, NeedLocation = true }, s_listings).DirList;

    public void Dispose() => _stream.Dispose();

    void Send(int call, IMessage first, IMessage? second)
    {
        using var frame = new MemoryStream();
        frame.Write([0, 0, 0, 0]);
        new RpcRequestHeaderProto { RpcKind = ProtocolBuffers, RpcOp = 0, CallId = call, ClientId = _client, RetryCount = 0 }.WriteDelimitedTo(frame);
        first.WriteDelimitedTo(frame);
        second?.WriteDelimitedTo(frame);
        var bytes = frame.GetBuffer().AsSpan(0, (int)frame.Length);
        BinaryPrimitives.WriteInt32BigEndian(bytes, bytes.Length - sizeof(int));
        _stream.Write(bytes);
    }
}

/// <summary>A name node refused a call.</summary>
/// <param name="type">The Java class of the exception.</param>
/// <param name="message">Its message.</param>
sealed class HadoopRpcException(string type, string message) : Exception($"{type}: {message}")
{
    public bool IsStandby => type.EndsWith(".StandbyException", StringComparison.Ordinal);
}
