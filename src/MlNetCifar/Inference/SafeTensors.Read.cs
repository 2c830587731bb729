using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;

namespace MlNetCifar.Inference;

/// <summary>What a safetensors file holds.</summary>
/// <param name="Tensors">Those of 32-bit and 16-bit floats (F32, F16, BF16), in the order of the header.</param>
/// <param name="Metadata">Its texts by name.</param>
internal sealed record TensorFile(IReadOnlyList<FileTensor> Tensors, IReadOnlyDictionary<string, string> Metadata)
{
    /// <summary>Names and types of the tensors that were passed over.</summary>
    public IReadOnlyList<(string Name, string Type)> Skipped { get; init; } = [];
}

internal static partial class SafeTensors
{
    const int MaxHeader = 100_000_000;

    /// <summary>A tensor as the header describes it.</summary>
    readonly record struct Entry(string Name, string Type, int[] Shape, long Begin, long End);

    /// <summary>Reads a file, checking structure and checksum. Nothing is allocated by what the header says before that was compared with the bytes that are there.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="path">Named in errors.</param>
    /// <exception cref="MlNetCifarException">It is no such file (MNC4002) or a damaged one (MNC4005).</exception>
    public static TensorFile Read(ReadOnlyMemory<byte> file, string path)
    {
        if (file.Length < sizeof(long))
            throw ModelErrors.NotSafeTensors(path, $"it has {file.Length} bytes");
        var length = BinaryPrimitives.ReadUInt64LittleEndian(file.Span);
        if (length is < 2 or > MaxHeader || length > (ulong)(file.Length - sizeof(long)))
            throw ModelErrors.NotSafeTensors(path, $"the header would have {length} bytes and the file has {file.Length}");
        using var header = Header(file.Slice(sizeof(long), (int)length), path);
        var data = file.Span[(sizeof(long) + (int)length)..];
        var metadata = new Dictionary<string, string>();
        var entries = new Dictionary<string, Entry>();
        foreach (var property in header.RootElement.EnumerateObject())
        {
            var name = Text(property, p => p.Name, path);
            if (name == Metadata)
                ReadMetadata(property.Value, metadata, path);
            else if (!entries.TryAdd(name, ReadEntry(name, property.Value, path)))
                throw ModelErrors.Damaged(path, $"its header names the tensor '{name}' twice");
        }

        CheckPlaces(entries.Values, data.Length, path);
        if (metadata.TryGetValue(Checksum, out var expected) && expected != Convert.ToHexStringLower(SHA256.HashData(data)))
            throw ModelErrors.Damaged(path, $"the SHA-256 of its {data.Length} bytes of weights is not the recorded one");
        var tensors = new List<FileTensor>();
        var skipped = new List<(string, string)>();
        foreach (var entry in entries.Values)
        {
            if (entry.Type is Float32 or Float16 or BrainFloat16)
                tensors.Add(Tensor(entry, data[(int)entry.Begin..(int)entry.End]));
            else
                skipped.Add((entry.Name, entry.Type));
        }

        return new TensorFile(tensors, metadata) { Skipped = skipped };
    }

    static JsonDocument Header(ReadOnlyMemory<byte> bytes, string path)
    {
        try
        {
            var header = JsonDocument.Parse(bytes);
            if (header.RootElement.ValueKind == JsonValueKind.Object)
                return header;
            header.Dispose();
        }
        catch (JsonException)
        {
            // Said below.
        }

        throw ModelErrors.NotSafeTensors(path, $"its header of {bytes.Length} bytes is no JSON object");
    }

    static void ReadMetadata(JsonElement json, Dictionary<string, string> metadata, string path)
    {
        if (json.ValueKind != JsonValueKind.Object)
            throw ModelErrors.Damaged(path, "its metadata are no JSON object");
        foreach (var pair in json.EnumerateObject())
            metadata[Text(pair, p => p.Name, path)] = pair.Value.ValueKind == JsonValueKind.String
                ? Text(pair.Value, v => v.GetString()!, path)
                : throw ModelErrors.Damaged(path, "its metadata are no texts");
    }

    static Entry ReadEntry(string name, JsonElement json, string path)
    {
        if (json.ValueKind != JsonValueKind.Object
            || !json.TryGetProperty("dtype", out var type) || type.ValueKind != JsonValueKind.String
            || !json.TryGetProperty("shape", out var shape) || shape.ValueKind != JsonValueKind.Array
            || !json.TryGetProperty("data_offsets", out var offsets) || offsets.ValueKind != JsonValueKind.Array || offsets.GetArrayLength() != 2
            || !TryLength(offsets[0], long.MaxValue, out var begin) || !TryLength(offsets[1], long.MaxValue, out var end))
            throw ModelErrors.Damaged(path, $"what its header says of the tensor '{name}' lacks type, shape or place");
        var sizes = new List<int>();
        foreach (var size in shape.EnumerateArray())
            sizes.Add(TryLength(size, int.MaxValue, out var value) ? (int)value : throw ModelErrors.Damaged(path, $"a side of the tensor '{name}' is no size"));
        return new Entry(name, Text(type, t => t.GetString()!, path), [.. sizes], begin, end);
    }

    static bool TryLength(JsonElement json, long most, out long value)
    {
        value = 0;
        return json.ValueKind == JsonValueKind.Number && json.TryGetInt64(out value) && value >= 0 && value <= most;
    }

    static string Text<T>(T json, Func<T, string> read, string path)
    {
        try
        {
            return read(json);
        }
        catch (InvalidOperationException)
        {
            throw ModelErrors.Damaged(path, "a text in its header is no Unicode");
        }
    }

    /// <summary>The tensors lie one behind the other, the first at the beginning, the last to the end: no byte belongs to two, and none to nobody.</summary>
    static void CheckPlaces(IEnumerable<Entry> entries, int length, string path)
    {
        long place = 0;
        foreach (var entry in entries.OrderBy(e => e.Begin).ThenBy(e => e.End))
        {
            if (entry.Begin != place)
                throw ModelErrors.Damaged(path, entry.Begin > place
                    ? $"there is a gap before the tensor '{entry.Name}', which begins at byte {entry.Begin} instead of {place}"
                    : $"the tensor '{entry.Name}' begins at byte {entry.Begin}, within the one before it, which ends at {place}");
            if (Bits(entry.Type) is not { } bits)
                throw ModelErrors.NotSafeTensors(path, $"tensor '{entry.Name}' has elements of the type '{entry.Type}', which the format does not have");
            var count = entry.Shape.Aggregate((UInt128)1, (product, size) => product > ulong.MaxValue ? product : product * (uint)size);
            if (entry.End < entry.Begin || count * (uint)bits != (UInt128)(ulong)(entry.End - entry.Begin) * 8)
                throw ModelErrors.Damaged(
                    path, $"tensor '{entry.Name}' of {entry.Type} of shape [{string.Join(", ", entry.Shape)}] lies at {entry.Begin} … {entry.End} of {length} bytes");
            place = entry.End;
        }

        if (place != length)
            throw ModelErrors.Damaged(path, place > length
                ? $"it was cut off: {place - length} bytes of its weights are missing"
                : $"{length - place} bytes after its last tensor belong to nothing");
    }

    /// <summary>Bits of an element; null for no type of the format.</summary>
    static int? Bits(string type) => type switch
    {
        "F4" => 4,
        "F6_E2M3" or "F6_E3M2" => 6,
        "BOOL" or "U8" or "I8" or "F8_E5M2" or "F8_E4M3" or "F8_E8M0" or "F8_E5M2FNUZ" or "F8_E4M3FNUZ" => 8,
        "U16" or "I16" or Float16 or BrainFloat16 => 16,
        "U32" or "I32" or Float32 => 32,
        "U64" or "I64" or "F64" or "C64" => 64,
        _ => null,
    };

    static FileTensor Tensor(Entry entry, ReadOnlySpan<byte> bytes) =>
        new(entry.Name, entry.Shape, Values(entry.Type, bytes), entry.Type == Float16);

    static float[] Values(string type, ReadOnlySpan<byte> bytes)
    {
        if (type == Float32)
            return MemoryMarshal.Cast<byte, float>(bytes).ToArray();
        var words = MemoryMarshal.Cast<byte, ushort>(bytes);
        var values = new float[words.Length];
        for (var i = 0; i < values.Length; i++)

            // A brain float is the upper half of a 32-bit float.
            values[i] = type == Float16 ? (float)BitConverter.UInt16BitsToHalf(words[i]) : BitConverter.UInt32BitsToSingle((uint)words[i] << 16);
        return values;
    }
}
