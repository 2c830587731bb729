using System.Buffers.Binary;

namespace MlNetCifar.Imaging;

/// <summary>The first frame of a GIF: where it lies on the canvas and where its data start.</summary>
sealed class GifFrame
{
    const int Trailer = 0x3B, Extension = 0x21, Separator = 0x2C, GraphicControl = 0xF9;

    public int CanvasWidth { get; private set; }
    public int CanvasHeight { get; private set; }
    public int Left { get; private set; }
    public int Top { get; private set; }
    public int Width { get; private set; }
    public int Height { get; private set; }
    public bool IsInterlaced { get; private set; }
    public int Transparent { get; private set; } = -1;

    /// <summary>RGB entries; grey levels where the file has no table.</summary>
    public byte[] Palette { get; private set; } = [];

    /// <summary>Where the LZW code size and data start.</summary>
    public int DataOffset { get; private set; }

    public bool IsAnimated { get; private set; }

    public static GifFrame Read(ReadOnlySpan<byte> file, string? path)
    {
        if (file.Length < 13) throw ImageErrors.Truncated("the GIF header is cut off", path);
        var frame = new GifFrame
        {
            CanvasWidth = BinaryPrimitives.ReadUInt16LittleEndian(file[6..]),
            CanvasHeight = BinaryPrimitives.ReadUInt16LittleEndian(file[8..]),
        };
        var position = 13;
        frame.Palette = ReadPalette(file, file[10], ref position, path) ?? GreyPalette();
        if (!frame.FindFrame(file, ref position, path)) throw ImageErrors.Truncated("there is no frame", path);
        frame.IsAnimated = HasAnother(file, frame.DataOffset);
        return frame;
    }

    bool FindFrame(ReadOnlySpan<byte> file, ref int position, string? path)
    {
        while (position < file.Length)
        {
            var block = file[position++];
            if (block == Trailer) return false;
            if (block == Extension && position < file.Length)
            {
                if (file[position] == GraphicControl && file.Length - position >= 6 && file[position + 1] >= 4 && (file[position + 2] & 1) != 0) Transparent = file[position + 5];
                position++;
                SkipBlocks(file, ref position);
            }
            else if (block == Separator)
            {
                ReadDescriptor(file, ref position, path);
                return true;
            }
        }
        return false;
    }

    void ReadDescriptor(ReadOnlySpan<byte> file, ref int position, string? path)
    {
        if (file.Length - position < 10) throw ImageErrors.Truncated("the frame's header is cut off", path);
        var descriptor = file.Slice(position, 9);
        Left = BinaryPrimitives.ReadUInt16LittleEndian(descriptor);
        Top = BinaryPrimitives.ReadUInt16LittleEndian(descriptor[2..]);
        Width = BinaryPrimitives.ReadUInt16LittleEndian(descriptor[4..]);
        Height = BinaryPrimitives.ReadUInt16LittleEndian(descriptor[6..]);
        if (Width == 0 || Height == 0) throw ImageErrors.Damaged($"a size of {Width}×{Height} pixels", path);
        IsInterlaced = (descriptor[8] & 0x40) != 0;
        position += 9;
        Palette = ReadPalette(file, descriptor[8], ref position, path) ?? Palette;
        CanvasWidth = Math.Max(CanvasWidth, Left + Width);
        CanvasHeight = Math.Max(CanvasHeight, Top + Height);
        DataOffset = position;
    }

    static byte[]? ReadPalette(ReadOnlySpan<byte> file, int flags, ref int position, string? path)
    {
        if ((flags & 0x80) == 0) return null;
        var length = 3 << ((flags & 7) + 1);
        if (file.Length - position < length) throw ImageErrors.Truncated("the palette is cut off", path);
        var palette = new byte[768];
        file.Slice(position, length).CopyTo(palette);
        position += length;
        return palette;
    }

    static byte[] GreyPalette()
    {
        var palette = new byte[768];
        for (var i = 0; i < palette.Length; i++) palette[i] = (byte)(i / 3);
        return palette;
    }

    static bool HasAnother(ReadOnlySpan<byte> file, int dataOffset)
    {
        var position = dataOffset + 1;
        SkipBlocks(file, ref position);
        while (position < file.Length)
        {
            var block = file[position++];
            if (block == Separator) return true;
            if (block != Extension) return false;
            position++;
            SkipBlocks(file, ref position);
        }
        return false;
    }

    static void SkipBlocks(ReadOnlySpan<byte> file, ref int position)
    {
        while (position < file.Length && file[position] != 0) position += file[position] + 1;
        position++;
    }
}
