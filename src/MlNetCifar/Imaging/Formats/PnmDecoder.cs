namespace MlNetCifar.Imaging;

/// <summary>Decodes the Netpbm formats P1 to P6 with samples of up to 16 bits, scaled to 8.</summary>
static class PnmDecoder
{
    readonly record struct Header(int Kind, int Width, int Height, int Maximum, int DataOffset)
    {
        public int Channels => Kind is 3 or 6 ? 3 : 1;
        public bool IsBitmap => Kind is 1 or 4;
        public bool IsText => Kind <= 3;
        public int SampleLength => Maximum > 255 ? 2 : 1;
        public long RowLength => Kind == 4 ? ((long)Width + 7) / 8 : (long)Width * Channels * SampleLength;
    }

    public static ImageInfo ReadInfo(ReadOnlySpan<byte> file, string? path)
    {
        var header = ReadHeader(file, path);
        return new ImageInfo
        {
            Format = ImageFormat.Pnm,
            Width = header.Width,
            Height = header.Height,
            Components = header.Channels,
            BitDepth = header.IsBitmap ? 1 : header.SampleLength * 8,
            ColorModel = header.Channels == 3 ? "rgb" : "grey",
        };
    }

    public static RgbImage Decode(ReadOnlySpan<byte> file, DecodeOptions options, string? path, DecodeReport? report)
    {
        var header = ReadHeader(file, path);
        Limits.Check(header.Width, header.Height, options, path);
        var samples = (long)header.Width * header.Height * header.Channels;
        var needed = header.IsText ? (header.IsBitmap ? samples : 2 * samples - 1) : header.RowLength * header.Height;
        var isCut = file.Length - header.DataOffset < needed;
        if (isCut && !options.AllowTruncated) throw ImageErrors.Truncated("it has fewer bytes than the picture needs", path);
        var image = new RgbImage(header.Width, header.Height);
        isCut |= !(header.IsText ? ReadText(file, header, image, path) : ReadBinary(file[header.DataOffset..], header, image));
        if (isCut && report is not null) report.IsTruncated = true;
        if (isCut) report?.Note("The pixels end early.");
        if (isCut && !options.AllowTruncated) throw ImageErrors.Truncated("it has fewer samples than the picture needs", path);
        return image;
    }

    static Header ReadHeader(ReadOnlySpan<byte> file, string? path)
    {
        var kind = file[1] - '0';
        var position = 2;
        var width = ReadNumber(file, ref position, path);
        var height = ReadNumber(file, ref position, path);
        var maximum = kind is 1 or 4 ? 1 : ReadNumber(file, ref position, path);
        if (width < 1 || height < 1 || maximum < 1) throw ImageErrors.Damaged("a Netpbm header that is cut off or has impossible values", path);
        if (maximum > 65535) throw ImageErrors.Damaged($"a maximum of {maximum}, the format allows 65535", path);
        return new Header(kind, width, height, maximum, Math.Min(position + 1, file.Length));
    }

    static bool ReadBinary(ReadOnlySpan<byte> data, Header header, RgbImage image)
    {
        for (var y = 0; y < header.Height; y++)
        {
            var start = y * header.RowLength;
            if (start + header.RowLength > data.Length) return false;
            var row = data.Slice((int)start, (int)header.RowLength);
            var target = image.Row(y);
            if (header is { Kind: 6, Maximum: 255 })
            {
                row.CopyTo(target);
                continue;
            }
            for (var i = 0; i < header.Width * header.Channels; i++) Put(target, header, i, Sample(row, header, i));
        }
        return true;
    }

    static int Sample(ReadOnlySpan<byte> row, Header header, int index)
    {
        if (header.IsBitmap) return (row[index >> 3] >> (7 - (index & 7))) & 1;
        return header.SampleLength == 1 ? row[index] : (row[2 * index] << 8) | row[2 * index + 1];
    }

    static bool ReadText(ReadOnlySpan<byte> file, Header header, RgbImage image, string? path)
    {
        var position = header.DataOffset;
        for (var y = 0; y < header.Height; y++)
        {
            var target = image.Row(y);
            for (var i = 0; i < header.Width * header.Channels; i++)
            {
                var value = header.IsBitmap ? ReadBit(file, ref position, path) : ReadNumber(file, ref position, path);
                if (value < 0) return false;
                Put(target, header, i, value);
            }
        }
        return true;
    }

    static void Put(Span<byte> target, Header header, int index, int value)
    {
        var scaled = header.IsBitmap ? (value == 0 ? 255 : 0)
            : header.Maximum == 255 ? Math.Min(value, 255)
            : (int)Math.Min(255, Math.Round((double)value / header.Maximum * 255));
        if (header.Channels == 3) target[index] = (byte)scaled;
        else target.Slice(3 * index, 3).Fill((byte)scaled);
    }

    /// <summary>Reads a decimal number after white space and comments.</summary>
    /// <returns>−1 at the end of the file.</returns>
    static int ReadNumber(ReadOnlySpan<byte> file, ref int position, string? path)
    {
        SkipBlanks(file, ref position);
        if (position >= file.Length) return -1;
        if (!char.IsAsciiDigit((char)file[position])) throw ImageErrors.Damaged("a Netpbm number that is none", path);
        var number = 0L;
        for (; position < file.Length && char.IsAsciiDigit((char)file[position]); position++)
        {
            number = 10 * number + file[position] - '0';
            if (number > int.MaxValue) throw ImageErrors.Damaged("a Netpbm number out of range", path);
        }
        return (int)number;
    }

    static int ReadBit(ReadOnlySpan<byte> file, ref int position, string? path)
    {
        SkipBlanks(file, ref position);
        if (position >= file.Length) return -1;
        var bit = file[position++] - '0';
        if (bit is not (0 or 1)) throw ImageErrors.Damaged("a bitmap digit that is neither 0 nor 1", path);
        return bit;
    }

    static void SkipBlanks(ReadOnlySpan<byte> file, ref int position)
    {
        while (position < file.Length && (file[position] is (>= 9 and <= 13) or 32 or (byte)'#'))
        {
            if (file[position] == '#')
            {
                while (position < file.Length && file[position] is not (10 or 13)) position++;
            }
            else
            {
                position++;
            }
        }
    }
}
