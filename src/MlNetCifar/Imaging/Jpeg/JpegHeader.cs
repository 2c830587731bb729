using System.Buffers.Binary;

namespace MlNetCifar.Imaging;

/// <summary>How the components of a file are to be read.</summary>
enum JpegColor
{
    Grey,
    YCbCr,
    Rgb,
    Cmyk,
    Ycck,
}

/// <summary>Everything the marker segments say. Reused from file to file: tables that do not change are not built again.</summary>
sealed class JpegHeader
{
    public const int MaxScanBlocks = 10;

    readonly HuffmanTable[] _dcTables = [new(), new(), new(), new()];
    readonly HuffmanTable[] _acTables = [new(), new(), new(), new()];
    readonly JpegComponent[] _scanComponents = new JpegComponent[4];
    readonly JpegComponent[] _components = [new(), new(), new(), new()];
    readonly short[][] _quantizers = [new short[64], new short[64], new short[64], new short[64]];
    readonly bool[] _hasQuantizer = new bool[4];
    string? _path;
    bool _hasJfif;
    bool _hasAdobe;
    int _adobeTransform;

    public int Width { get; private set; }
    public int Height { get; private set; }
    public int ComponentCount { get; private set; }
    public bool IsProgressive { get; private set; }
    public bool HasFrame { get; private set; }
    public int MaxHorizontal { get; private set; }
    public int MaxVertical { get; private set; }
    public int RestartInterval { get; private set; }
    public int Orientation { get; private set; }
    public JpegColor Color { get; private set; }

    public int ScanCount { get; private set; }
    public int SpectralStart { get; private set; }
    public int SpectralEnd { get; private set; }
    public int ApproximationHigh { get; private set; }
    public int ApproximationLow { get; private set; }

    public ReadOnlySpan<JpegComponent> Components => _components.AsSpan(0, ComponentCount);
    public ReadOnlySpan<JpegComponent> Scan => _scanComponents.AsSpan(0, ScanCount);
    public int McusWide => (Width + 8 * MaxHorizontal - 1) / (8 * MaxHorizontal);
    public int McusHigh => (Height + 8 * MaxVertical - 1) / (8 * MaxVertical);

    public void Reset(string? path)
    {
        _path = path;
        _hasJfif = _hasAdobe = HasFrame = false;
        _adobeTransform = 0;
        Width = Height = ComponentCount = RestartInterval = ScanCount = 0;
        Orientation = 1;
        Array.Clear(_hasQuantizer);
        foreach (var table in _dcTables) table.Forget();
        foreach (var table in _acTables) table.Forget();
    }

    /// <summary>Reads segments up to and including the next scan header.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="position">Where to start; moved behind what was read.</param>
    /// <param name="stopAtFrame">Whether to return after the frame header.</param>
    /// <returns>The marker it stopped at: SOS, SOF, EOI, or 0 at the end of the file.</returns>
    public int Read(ReadOnlySpan<byte> file, ref int position, bool stopAtFrame = false)
    {
        while (true)
        {
            var marker = NextMarker(file, ref position);
            if (marker is 0 or JpegMarker.Eoi) return marker;
            if (marker is >= JpegMarker.Rst0 and <= JpegMarker.Rst0 + 7 or 1) continue;
            if (marker == JpegMarker.Soi) Fail("a second start of image");
            if (file.Length - position < 2) return 0;
            int length = BinaryPrimitives.ReadUInt16BigEndian(file[position..]);
            if (length < 2) Fail("a segment of negative length");
            if (file.Length - position < length) return 0;
            var segment = file.Slice(position + 2, length - 2);
            position += length;
            if (Take(marker, segment) && (marker == JpegMarker.Sos || stopAtFrame)) return marker;
        }
    }

    /// <summary>Finds the next marker, skipping anything else.</summary>
    /// <returns>The marker's second byte, or 0 at the end of the file.</returns>
    public static int NextMarker(ReadOnlySpan<byte> file, ref int position)
    {
        while (position < file.Length)
        {
            var at = file[position..].IndexOf((byte)0xFF);
            if (at < 0) break;
            position += at;
            while (position < file.Length && file[position] == 0xFF) position++;
            if (position < file.Length && file[position++] is var marker and not 0) return marker;
        }
        position = file.Length;
        return 0;
    }

    /// <summary>Handles one segment.</summary>
    /// <returns>Whether it was a frame or scan header.</returns>
    bool Take(int marker, ReadOnlySpan<byte> segment)
    {
        switch (marker)
        {
            case JpegMarker.Sof0 or JpegMarker.Sof0 + 1 or JpegMarker.Sof2:
                ReadFrame(segment, marker == JpegMarker.Sof2);
                return true;
            case JpegMarker.Sos:
                ReadScan(segment);
                return true;
            case JpegMarker.Dht:
                ReadHuffmanTables(segment);
                break;
            case JpegMarker.Dqt:
                ReadQuantizers(segment);
                break;
            case JpegMarker.Dri:
                if (segment.Length != 2) Fail("a restart interval of wrong length");
                RestartInterval = BinaryPrimitives.ReadUInt16BigEndian(segment);
                break;
            case JpegMarker.App0:
                _hasJfif |= segment.StartsWith("JFIF\0"u8) && segment.Length >= 14;
                break;
            case JpegMarker.App0 + 1:
                if (segment.StartsWith("Exif\0\0"u8)) Orientation = ExifOrientation.Read(segment[6..]);
                break;
            case JpegMarker.App0 + 14:
                if (!segment.StartsWith("Adobe"u8) || segment.Length < 12) break;
                _hasAdobe = true;
                _adobeTransform = segment[11];
                break;
            case 0xC9 or 0xCA or 0xCB or 0xCD or 0xCE or 0xCF:
                throw ImageErrors.UnsupportedFeature("arithmetic coding", _path);
            case 0xC3:
                throw ImageErrors.UnsupportedFeature("lossless JPEG", _path);
            case 0xC5 or 0xC6 or 0xC7:
                throw ImageErrors.UnsupportedFeature("hierarchical JPEG", _path);
        }
        return false;
    }

    void ReadFrame(ReadOnlySpan<byte> segment, bool progressive)
    {
        if (HasFrame) Fail("two frame headers");
        if (segment.Length < 6) Fail("a frame header of wrong length");
        if (segment[0] != 8) throw ImageErrors.UnsupportedFeature($"{segment[0]} bits a sample", _path);
        Height = BinaryPrimitives.ReadUInt16BigEndian(segment[1..]);
        Width = BinaryPrimitives.ReadUInt16BigEndian(segment[3..]);
        ComponentCount = segment[5];
        if (Height == 0 || Width == 0) Fail($"a size of {Width}×{Height} pixels");
        if (segment.Length != 6 + 3 * ComponentCount) Fail("a frame header of wrong length");
        if (ComponentCount is not (1 or 3 or 4)) throw ImageErrors.UnsupportedFeature($"{ComponentCount} colour components", _path);
        IsProgressive = progressive;
        MaxHorizontal = MaxVertical = 1;
        for (var i = 0; i < ComponentCount; i++)
        {
            var entry = segment.Slice(6 + 3 * i, 3);
            var component = _components[i];
            component.Id = entry[0];
            component.Horizontal = ComponentCount == 1 ? 1 : entry[1] >> 4;
            component.Vertical = ComponentCount == 1 ? 1 : entry[1] & 15;
            component.QuantizerIndex = entry[2];
            component.HasQuantizer = false;
            component.Finished = 0;
            if (component.Horizontal is 0 or > 4 || component.Vertical is 0 or > 4) Fail("a sampling factor out of range");
            MaxHorizontal = Math.Max(MaxHorizontal, component.Horizontal);
            MaxVertical = Math.Max(MaxVertical, component.Vertical);
        }
        HasFrame = true;
    }

    void ReadScan(ReadOnlySpan<byte> segment)
    {
        if (!HasFrame) Fail("a scan before the frame header");
        ScanCount = segment.Length > 0 ? segment[0] : 0;
        if (ScanCount is 0 or > 4 || segment.Length != 4 + 2 * ScanCount) Fail("a scan header of wrong length");
        var blocks = 0;
        for (var i = 0; i < ScanCount; i++)
        {
            var component = Find(segment[1 + 2 * i], i);
            component.DcIndex = segment[2 + 2 * i] >> 4;
            component.AcIndex = segment[2 + 2 * i] & 15;
            if (component.DcIndex > 3 || component.AcIndex > 3) Fail("a Huffman table index out of range");
            blocks += component.Horizontal * component.Vertical;
            _scanComponents[i] = component;
            LatchQuantizer(component);
        }
        if (ScanCount > 1 && blocks > MaxScanBlocks) Fail("more than ten blocks in an MCU");
        SpectralStart = segment[^3];
        SpectralEnd = segment[^2];
        ApproximationHigh = segment[^1] >> 4;
        ApproximationLow = segment[^1] & 15;
        if (IsProgressive) CheckProgression();
        Color = ChooseColor();
    }

    JpegComponent Find(int id, int index)
    {
        foreach (var component in Components)
        {
            if (component.Id == id && _scanComponents.AsSpan(0, index).IndexOf(component) < 0) return component;
        }
        Fail("a scan of an unknown component");
        return null!;
    }

    /// <summary>A component keeps the quantizer in force at its first scan.</summary>
    void LatchQuantizer(JpegComponent component)
    {
        if (component.HasQuantizer) return;
        if (component.QuantizerIndex > 3 || !_hasQuantizer[component.QuantizerIndex]) Fail("a missing quantization table");
        for (var i = 0; i < component.Quantizer.Length; i++) component.Quantizer[i] = _quantizers[component.QuantizerIndex][i / 32 * 8 + i % 8];
        component.HasQuantizer = true;
    }

    void CheckProgression()
    {
        var valid = SpectralStart == 0 ? SpectralEnd == 0 : SpectralEnd >= SpectralStart && SpectralEnd <= 63 && ScanCount == 1;
        valid &= ApproximationHigh == 0 || ApproximationLow == ApproximationHigh - 1;
        if (!valid || ApproximationLow > 13) Fail("progressive parameters out of range");
    }

    /// <summary>A Huffman table of the current scan.</summary>
    public HuffmanTable Table(bool isDc, int index)
    {
        var table = (isDc ? _dcTables : _acTables)[index];
        if (table.IsDefined) return table;
        var standard = StandardTables.Definition(isDc, index);
        if (standard.IsEmpty || !table.Define(standard, isDc)) Fail("a missing Huffman table");
        return table;
    }

    void ReadHuffmanTables(ReadOnlySpan<byte> segment)
    {
        while (segment.Length > 16)
        {
            var total = 0;
            foreach (var count in segment.Slice(1, 16)) total += count;
            var index = segment[0] & 15;
            if (total > 256 || segment.Length < 17 + total || index > 3 || segment[0] > 0x1F) Fail("a Huffman table that does not fit its segment");
            var isDc = segment[0] < 16;
            if (!(isDc ? _dcTables : _acTables)[index].Define(segment.Slice(1, 16 + total), isDc)) Fail("an impossible Huffman table");
            segment = segment[(17 + total)..];
        }
        if (!segment.IsEmpty) Fail("a Huffman table that does not fit its segment");
    }

    void ReadQuantizers(ReadOnlySpan<byte> segment)
    {
        while (!segment.IsEmpty)
        {
            var index = segment[0] & 15;
            var size = segment[0] >> 4 == 0 ? 1 : 2;
            if (index > 3 || segment.Length < 1 + 64 * size) Fail("a quantization table that does not fit its segment");
            for (var k = 0; k < 64; k++)
            {
                var step = size == 1 ? segment[1 + k] : BinaryPrimitives.ReadUInt16BigEndian(segment[(1 + 2 * k)..]);
                _quantizers[index][ZigZag.Natural[k]] = (short)step;
            }
            _hasQuantizer[index] = true;
            segment = segment[(1 + 64 * size)..];
        }
    }

    /// <summary>libjpeg's rules, with the component identifiers as last resort.</summary>
    JpegColor ChooseColor()
    {
        if (ComponentCount == 1) return JpegColor.Grey;
        if (ComponentCount == 4) return _hasAdobe && _adobeTransform != 0 ? JpegColor.Ycck : JpegColor.Cmyk;
        if (_hasJfif) return JpegColor.YCbCr;
        if (_hasAdobe) return _adobeTransform == 0 ? JpegColor.Rgb : JpegColor.YCbCr;
        return (_components[0].Id, _components[1].Id, _components[2].Id) == ('R', 'G', 'B') ? JpegColor.Rgb : JpegColor.YCbCr;
    }

    void Fail(string found) => throw ImageErrors.Damaged(found, _path);
}
