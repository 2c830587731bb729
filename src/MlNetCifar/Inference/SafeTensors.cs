using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;

namespace MlNetCifar.Inference;

/// <summary>A tensor of a safetensors file.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Dimensions">Its shape, slowest first.</param>
/// <param name="Values">Its elements, row-major.</param>
/// <param name="Half">Whether the file holds them as 16-bit floats, to which they must then be rounded.</param>
internal sealed record FileTensor(string Name, int[] Dimensions, float[] Values, bool Half = false)
{
    /// <summary>Bytes of the elements in the file.</summary>
    public int ByteLength => Values.Length * (Half ? 2 : sizeof(float));

    /// <summary>The elements as the file holds them.</summary>
    public ReadOnlySpan<byte> ToBytes()
    {
        if (!Half)
            return MemoryMarshal.AsBytes(Values.AsSpan());
        Half[] halves = [.. Values.Select(value => (Half)value)];
        return MemoryMarshal.AsBytes(halves.AsSpan());
    }
}

/// <summary>
/// The safetensors format: the header's length (u64, little-endian), a JSON header {"name":{"dtype","shape","data_offsets"}, "__metadata__":{…}},
/// the tensors' bytes without gaps. Only 32-bit and 16-bit floats are written or read. The SHA-256 of the bytes is kept in the metadata.
/// </summary>
internal static class SafeTensors
{
    const int MaxHeader = 100_000_000;
    const string Metadata = "__metadata__";
    const string Checksum = "data_sha256";
    const string Float32 = "F32";
    const string Float16 = "F16";

    public static void Write(Stream stream, IReadOnlyList<FileTensor> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var tensor in tensors)
            hash.AppendData(tensor.ToBytes());
        using var header = new MemoryStream();
        using (var json = new Utf8JsonWriter(header))
        {
            json.WriteStartObject();
            json.WriteStartObject(Metadata);
            foreach (var (key, value) in metadata)
                json.WriteString(key, value);
            json.WriteString(Checksum, Convert.ToHexStringLower(hash.GetHashAndReset()));
            json.WriteEndObject();
            long offset = 0;
            foreach (var tensor in tensors)
            {
                json.WriteStartObject(tensor.Name);
                json.WriteString("dtype", tensor.Half ? Float16 : Float32);
                json.WriteStartArray("shape");
                foreach (var dimension in tensor.Dimensions)
                    json.WriteNumberValue(dimension);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(offset);
                json.WriteNumberValue(offset += tensor.ByteLength);
                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        // Spaces bring the data to a multiple of 8, as the format's own writer does.
        while (header.Length % 8 != 0)
            header.WriteByte((byte)' ');
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        stream.Write(length);
        header.WriteTo(stream);
        foreach (var tensor in tensors)
            stream.Write(tensor.ToBytes());
    }

    /// <summary>Reads a file, checking structure and checksum.</summary>
    /// <exception cref="MlNetCifarException">It is no such file (MNC4002) or a damaged one (MNC4005).</exception>
    public static (IReadOnlyList<FileTensor> Tensors, IReadOnlyDictionary<string, string> Metadata) Read(byte[] file, string path)
    {
        if (file.Length < 8)
            throw ModelErrors.NotSafeTensors(path, $"it has {file.Length} bytes");
        var length = BinaryPrimitives.ReadInt64LittleEndian(file);
        if (length is < 2 or > MaxHeader || length > file.Length - 8)
            throw ModelErrors.NotSafeTensors(path, $"the header would have {length} bytes and the file has {file.Length}");
        try
        {
            using var header = JsonDocument.Parse(file.AsMemory(8, (int)length));
            var data = file.AsSpan(8 + (int)length);
            var metadata = new Dictionary<string, string>();
            if (header.RootElement.TryGetProperty(Metadata, out var pairs))
            {
                foreach (var pair in pairs.EnumerateObject())
                    metadata[pair.Name] = pair.Value.GetString()!;
            }

            if (metadata.TryGetValue(Checksum, out var expected) && expected != Convert.ToHexStringLower(SHA256.HashData(data)))
                throw ModelErrors.Damaged(path, $"the SHA-256 of its {data.Length} bytes of weights is not the recorded one");
            var tensors = new List<FileTensor>();
            foreach (var entry in header.RootElement.EnumerateObject())
            {
                if (entry.Name != Metadata)
                    tensors.Add(Tensor(entry, data, path));
            }

            return (tensors, metadata);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or OverflowException)
        {
            throw ModelErrors.NotSafeTensors(path, e.Message.TrimEnd('.'));
        }
    }

    static FileTensor Tensor(JsonProperty entry, ReadOnlySpan<byte> data, string path)
    {
        var type = entry.Value.GetProperty("dtype").GetString();
        if (type is not (Float32 or Float16))
            throw ModelErrors.NotSafeTensors(path, $"tensor '{entry.Name}' has elements of type {type}; only {Float32} and {Float16} are read");
        var half = type is Float16;
        int[] shape = [.. entry.Value.GetProperty("shape").EnumerateArray().Select(d => d.GetInt32())];
        var offsets = entry.Value.GetProperty("data_offsets");
        long begin = offsets[0].GetInt64(), end = offsets[1].GetInt64();
        var count = shape.Aggregate(1L, (a, b) => checked(a * b));
        if (begin < 0 || end > data.Length || end - begin != count * (half ? sizeof(ushort) : sizeof(float)) || shape.Any(d => d < 0))
            throw ModelErrors.Damaged(path, $"tensor '{entry.Name}' of shape [{string.Join(", ", shape)}] lies at {begin} … {end} of {data.Length} bytes");
        var bytes = data[(int)begin..(int)end];
        return half
            ? new FileTensor(entry.Name, shape, [.. MemoryMarshal.Cast<byte, Half>(bytes).ToArray().Select(value => (float)value)], true)
            : new FileTensor(entry.Name, shape, MemoryMarshal.Cast<byte, float>(bytes).ToArray());
    }
}
