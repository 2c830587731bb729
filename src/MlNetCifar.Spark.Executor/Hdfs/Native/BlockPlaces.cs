using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using MlNetCifar.Spark.Protos.Hadoop;

namespace MlNetCifar.Spark.Hdfs;

/// <summary>
/// Where the blocks of small files lie, noted while a driver lists them and handed to the workers with their tasks: so a folder is listed once in a job, however many
/// workers read from it. Places may be old when they are used: a data node without the block says so, and the name node is asked. Written by one thread, then read by any number.
/// </summary>
/// <param name="most">Files noted: some 60 bytes each. Of others the workers find out themselves.</param>
sealed class BlockPlaces(int most = BlockPlaces.Most)
{
    public const int Most = 1_000_000;

    // As many as there is room for in a place; more copies than these are rare, and asked for where all three fail.
    const int Copies = 3;
    const int NodeBits = 20;
    const int MaxNodes = (1 << NodeBits) - 1;

    readonly Dictionary<UInt128, Place> _files = [];
    readonly Dictionary<(string, string, uint), int> _numbers = [];
    readonly List<DatanodeIDProto> _nodes = [];

    string? _pool;

    /// <summary>Files whose places are known.</summary>
    public int Count => _files.Count;

    /// <summary>Notes a file, if it is one that can be read by its block alone.</summary>
    /// <param name="path">On its file system.</param>
    /// <param name="located">As the name node lists it.</param>
    public void Note(string path, LocatedBlocksProto located)
    {
        // A token ends before a long job does, and only the name node gives another.
        if (located.Blocks is not [var block] || block.BlockToken.Password.Length > 0 || _files.Count >= most)
            return;
        _pool ??= block.B.PoolId;
        if (block.B.PoolId != _pool)
            return;
        var nodes = 0UL;
        for (var i = Math.Min(block.Locs.Count, Copies) - 1; i >= 0; i--)
            nodes = (nodes << NodeBits) | (uint)NumberOf(block.Locs[i].Id);
        if ((nodes & MaxNodes) != 0)
            _files[KeyOf(path)] = new(block.B.BlockId, block.B.GenerationStamp, nodes);
    }

    /// <summary>Writes what all files of a task share: a property of its first line.</summary>
    public void WriteHead(Utf8JsonWriter json)
    {
        if (_pool is null)
            return;
        json.WriteString("pool", _pool);
        json.WriteStartArray("nodes");
        foreach (var node in _nodes)
        {
            json.WriteStartArray();
            json.WriteStringValue(node.IpAddr);
            json.WriteStringValue(node.HostName);
            json.WriteNumberValue(node.XferPort);
            json.WriteEndArray();
        }

        json.WriteEndArray();
    }

    /// <summary>Writes a file's place, where it is known: block, generation stamp, the numbers of its data nodes.</summary>
    public void Write(Utf8JsonWriter json, string path)
    {
        if (!_files.TryGetValue(KeyOf(path), out var place))
            return;
        json.WriteStartArray("block");
        json.WriteNumberValue(place.Block);
        json.WriteNumberValue(place.Stamp);
        for (var nodes = place.Nodes; nodes != 0; nodes >>= NodeBits)
            json.WriteNumberValue((nodes & MaxNodes) - 1);
        json.WriteEndArray();
    }

    // From 1 on, as 0 is none: more data nodes than that are not noted.
    int NumberOf(DatanodeIDProto node)
    {
        var key = (node.IpAddr, node.HostName, node.XferPort);
        if (_numbers.TryGetValue(key, out var number))
            return number;
        if (_nodes.Count == MaxNodes)
            return 0;
        _nodes.Add(node);
        return _numbers[key] = _nodes.Count;
    }

    // Paths would take three times the memory; a collision of these cannot be made.
    static UInt128 KeyOf(string path) => BinaryPrimitives.ReadUInt128LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(path)));

    readonly record struct Place(ulong Block, ulong Stamp, ulong Nodes);
}

/// <summary>Reads what <see cref="BlockPlaces"/> wrote.</summary>
sealed class BlockPlaceReader
{
    readonly string _pool = "";
    readonly DatanodeInfoProto[] _nodes = [];
    readonly bool[] _isHere = [];

    /// <param name="head">The task's first line.</param>
    public BlockPlaceReader(JsonElement head)
    {
        if (!head.TryGetProperty("pool", out var pool))
            return;
        _pool = pool.GetString()!;
        var nodes = head.GetProperty("nodes");
        _nodes = new DatanodeInfoProto[nodes.GetArrayLength()];
        for (var i = 0; i < _nodes.Length; i++)
            _nodes[i] = new() { Id = new() { IpAddr = nodes[i][0].GetString()!, HostName = nodes[i][1].GetString()!, XferPort = nodes[i][2].GetUInt32() } };
        // The driver's name node put them in the order of their distance to the driver.
        _isHere = Array.ConvertAll(_nodes, n => HostOf(n.Id.HostName).Equals(HostOf(Environment.MachineName), StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>The block of a file, to be read from a data node of this machine if one has it; null where the task does not say.</summary>
    /// <param name="line">The file's line.</param>
    /// <param name="length">The file's length.</param>
    public LocatedBlockProto? Read(JsonElement line, long length)
    {
        if (!line.TryGetProperty("block", out var place))
            return null;
        var none = Google.Protobuf.ByteString.Empty;
        var block = new LocatedBlockProto
        {
            B = new() { PoolId = _pool, BlockId = place[0].GetUInt64(), GenerationStamp = place[1].GetUInt64(), NumBytes = (ulong)length },
            BlockToken = new() { Identifier = none, Password = none, Kind = "", Service = "" },
            Offset = 0,
            Corrupt = false,
        };
        for (var i = 2; i < place.GetArrayLength(); i++)
        {
            var node = place[i].GetInt32();
            block.Locs.Insert(_isHere[node] ? 0 : block.Locs.Count, _nodes[node]);
        }

        return block;
    }

    static string HostOf(string name) => name.Split('.')[0];
}
