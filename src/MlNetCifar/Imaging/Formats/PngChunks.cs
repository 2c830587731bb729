using System.Buffers.Binary;

namespace MlNetCifar.Imaging;

/// <summary>The chunks of a file that matter here, their checksums verified.</summary>
sealed class PngChunks
{
    public PngHeader Header { get; private set; }
    public byte[] Palette { get; private set; } = [];
    public List<(int Start, int Length)> Data { get; } = [];
    public long DataLength { get; private set; }
    public int Orientation { get; private set; } = 1;
    public bool HasTransparency { get; private set; }
    public bool IsAnimated { get; private set; }

    /// <summary>Reads all chunks.</summary>
    /// <param name="file">The whole file, or its beginning.</param>
    /// <param name="headerOnly">Whether to stop at the first data, where a file that ends earlier is no error.</param>
    /// <param name="tolerant">Whether wrong checksums and a missing end are let pass.</param>
    /// <param name="path">Named in errors.</param>
    /// <param name="report">Told of oddities; may be null.</param>
    public static PngChunks Read(ReadOnlySpan<byte> file, bool headerOnly, bool tolerant, string? path, DecodeReport? report)
    {
        var chunks = new PngChunks();
        var position = 8;
        var first = true;
        while (true)
        {
            if (file.Length - position < 12)
            {
                if (first) throw ImageErrors.Truncated("there is no PNG header", path);
                if (headerOnly) return chunks;
                report?.Note("The end chunk is missing.");
                if (chunks.Data.Count == 0) throw ImageErrors.Truncated("there are no picture data", path);
                return chunks;
            }
            var length = BinaryPrimitives.ReadUInt32BigEndian(file[position..]);
            var type = file.Slice(position + 4, 4);
            if (first && !type.SequenceEqual("IHDR"u8)) throw ImageErrors.Damaged("a PNG that does not start with its header", path);
            if (headerOnly && type.SequenceEqual("IDAT"u8)) return chunks;
            var isCut = length > (uint)(file.Length - position - 12);
            if (isCut && headerOnly && !first) return chunks;
            if (isCut)
            {
                if (report is not null) report.IsTruncated = true;
                if (first || !tolerant || !type.SequenceEqual("IDAT"u8)) throw ImageErrors.Truncated($"a chunk of {length} bytes is cut off", path);
                length = (uint)(file.Length - position - 12);
            }
            var data = file.Slice(position + 8, (int)length);
            if (!isCut && BinaryPrimitives.ReadUInt32BigEndian(file[(position + 8 + (int)length)..]) != Crc32.Compute(type, data)) Mismatch(type, tolerant, path, report);
            if (type.SequenceEqual("IEND"u8)) return chunks;
            chunks.Take(type, data, position + 8, first, path);
            position += 12 + (int)length;
            first = false;
        }
    }

    void Take(ReadOnlySpan<byte> type, ReadOnlySpan<byte> data, int start, bool first, string? path)
    {
        if (type.SequenceEqual("IHDR"u8))
        {
            if (!first) throw ImageErrors.Damaged("two PNG headers", path);
            Header = PngHeader.Read(data, path);
        }
        else if (type.SequenceEqual("IDAT"u8))
        {
            Data.Add((start, data.Length));
            DataLength += data.Length;
        }
        else if (type.SequenceEqual("PLTE"u8))
        {
            if (data.Length % 3 != 0 || data.Length is 0 or > 768) throw ImageErrors.Damaged("a palette of wrong length", path);
            Palette = data.ToArray();
        }
        else if (type.SequenceEqual("tRNS"u8))
        {
            HasTransparency = true;
        }
        else if (type.SequenceEqual("acTL"u8))
        {
            IsAnimated = true;
        }
        else if (type.SequenceEqual("eXIf"u8))
        {
            Orientation = ExifOrientation.Read(data);
        }
        else if ((type[0] & 0x20) == 0)
        {
            throw ImageErrors.Damaged("an unknown critical chunk", path);
        }
    }

    /// <summary>A wrong checksum is an error in the chunks that make the picture; elsewhere it is only noted.</summary>
    static void Mismatch(ReadOnlySpan<byte> type, bool tolerant, string? path, DecodeReport? report)
    {
        report?.Note("A checksum is wrong.");
        if ((type[0] & 0x20) != 0) return;
        if (report is not null) report.IsDamaged = true;
        if (!tolerant) throw ImageErrors.Damaged("a wrong checksum", path);
    }
}
