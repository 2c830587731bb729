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
    public long ByteLength => (long)Values.Length * (Half ? 2 : sizeof(float));

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
/// the tensors' bytes without gaps. Only 32-bit and 16-bit floats are written and, with brain floats, read; tensors of other types, such as the counters of batches in PyTorch's files, are
/// passed over. The SHA-256 of the bytes is kept in the metadata.
/// </summary>
internal static partial class SafeTensors
{
    const string Metadata = "__metadata__";
    const string Checksum = "data_sha256";
    const string Float32 = "F32";
    const string Float16 = "F16";
    const string BrainFloat16 = "BF16";

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
}
