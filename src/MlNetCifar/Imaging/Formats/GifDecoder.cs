namespace MlNetCifar.Imaging;

/// <summary>Decodes the first frame of a GIF. Parts of the canvas that it does not cover have the transparent colour, or the first one.</summary>
static class GifDecoder
{
    const int MaxCodeBits = 12;

    // The shortest code has three bits, and none stands for more pixels than there are codes.
    const int MaxExpansion = 8 * 4096 / 3;

    public static ImageInfo ReadInfo(ReadOnlySpan<byte> file, string? path)
    {
        var frame = GifFrame.Read(file, path);
        return new ImageInfo
        {
            Format = ImageFormat.Gif,
            Width = frame.CanvasWidth,
            Height = frame.CanvasHeight,
            Components = 1,
            ColorModel = "palette",
            IsAnimated = frame.IsAnimated,
            HasAlpha = frame.Transparent >= 0,
            IsProgressive = frame.IsInterlaced,
        };
    }

    public static RgbImage Decode(ReadOnlySpan<byte> file, DecodeOptions options, string? path, DecodeReport? report)
    {
        var frame = GifFrame.Read(file, path);
        Limits.Check(frame.CanvasWidth, frame.CanvasHeight, options, path);
        if (frame.IsAnimated) report?.Note("The file is animated; only its first frame is used.");
        var pixels = (long)frame.Width * frame.Height;
        if (!options.AllowTruncated && pixels > (long)(file.Length - frame.DataOffset) * MaxExpansion) throw ImageErrors.Truncated("it has fewer data than any such picture needs", path);
        var image = RgbImage.Uninitialized(frame.CanvasWidth, frame.CanvasHeight);
        var background = frame.Palette.AsSpan(3 * Math.Max(0, frame.Transparent), 3);
        for (var i = 0; i < image.Pixels.Length; i += 3) background.CopyTo(image.Pixels[i..]);
        var indices = new byte[pixels];
        var (count, isDamaged) = Unpack(file[frame.DataOffset..], indices);
        var isTruncated = count < indices.Length;
        if (report is not null) (report.IsTruncated, report.IsDamaged) = (isTruncated, isDamaged);
        if (isTruncated) report?.Note("The pixels end early.");
        if (!options.AllowTruncated && isDamaged) throw ImageErrors.Damaged("an invalid LZW code", path);
        if (!options.AllowTruncated && isTruncated) throw ImageErrors.Truncated($"{count} pixels instead of {pixels}", path);
        Paint(indices.AsSpan(0, count), frame, image);
        return image;
    }

    static void Paint(ReadOnlySpan<byte> indices, GifFrame frame, RgbImage image)
    {
        for (var row = 0; row * frame.Width < indices.Length; row++)
        {
            var source = indices.Slice(row * frame.Width, Math.Min(frame.Width, indices.Length - row * frame.Width));
            var target = image.Row(frame.Top + (frame.IsInterlaced ? Deinterlace(row, frame.Height) : row))[(3 * frame.Left)..];
            for (var x = 0; x < source.Length; x++) frame.Palette.AsSpan(3 * source[x], 3).CopyTo(target[(3 * x)..]);
        }
    }

    /// <summary>Rows come in four passes: 0, 8, 16…; 4, 12…; 2, 6…; 1, 3….</summary>
    static int Deinterlace(int row, int height)
    {
        foreach (var (start, step) in (ReadOnlySpan<(int, int)>)[(0, 8), (4, 8), (2, 4), (1, 2)])
        {
            var count = Math.Max(0, (height - start + step - 1) / step);
            if (row < count) return start + row * step;
            row -= count;
        }
        return 0;
    }

    /// <summary>Undoes LZW.</summary>
    /// <param name="data">Code size, then blocks of up to 255 bytes.</param>
    /// <param name="indices">Colour indices; overwritten.</param>
    /// <returns>How many indices there were, and whether a code was invalid.</returns>
    static (int Count, bool IsDamaged) Unpack(ReadOnlySpan<byte> data, Span<byte> indices)
    {
        // The format ends at 8 bits, but there are files, and Pillow reads them, that start with longer codes.
        if (data.IsEmpty || data[0] is < 1 or >= MaxCodeBits) return (0, true);
        int rootBits = data[0], clear = 1 << rootBits;
        Span<ushort> prefix = stackalloc ushort[1 << MaxCodeBits];
        Span<byte> suffix = stackalloc byte[1 << MaxCodeBits];
        Span<ushort> lengths = stackalloc ushort[1 << MaxCodeBits];
        for (var i = 0; i < clear; i++) (suffix[i], lengths[i]) = ((byte)i, 1);
        var (position, block, bits, bitCount) = (1, 0, 0u, 0);
        var (codeBits, next, previous, count) = (rootBits + 1, clear + 2, -1, 0);
        while (count < indices.Length)
        {
            while (bitCount < codeBits)
            {
                if (block == 0 && (position >= data.Length || (block = data[position++]) == 0)) return (count, false);
                if (position >= data.Length) return (count, false);
                bits |= (uint)data[position++] << bitCount;
                (bitCount, block) = (bitCount + 8, block - 1);
            }
            var code = (int)(bits & ((1u << codeBits) - 1));
            (bits, bitCount) = (bits >> codeBits, bitCount - codeBits);
            if (code == clear)
            {
                (codeBits, next, previous) = (rootBits + 1, clear + 2, -1);
                continue;
            }
            if (code == clear + 1) return (count, false);
            if (code > next || (code == next && previous < 0) || (previous < 0 && code >= clear)) return (count, true);
            var isNew = previous >= 0 && next < 1 << MaxCodeBits;
            if (code == next && !isNew) return (count, true);
            if (isNew) (prefix[next], lengths[next]) = ((ushort)previous, (ushort)(lengths[previous] + 1));
            if (isNew) suffix[next] = First(code == next ? previous : code, prefix, suffix, lengths);
            count += Write(code, prefix, suffix, lengths, indices[count..]);
            if (isNew && ++next == 1 << codeBits && codeBits < MaxCodeBits) codeBits++;
            previous = code;
        }
        return (count, false);
    }

    static byte First(int code, ReadOnlySpan<ushort> prefix, ReadOnlySpan<byte> suffix, ReadOnlySpan<ushort> lengths)
    {
        while (lengths[code] > 1) code = prefix[code];
        return suffix[code];
    }

    static int Write(int code, ReadOnlySpan<ushort> prefix, ReadOnlySpan<byte> suffix, ReadOnlySpan<ushort> lengths, Span<byte> target)
    {
        var length = lengths[code];
        for (var i = length - 1; i >= 0; i--)
        {
            if (i < target.Length) target[i] = suffix[code];
            code = prefix[code];
        }
        return Math.Min(length, target.Length);
    }
}
