namespace MlNetCifar.Imaging;

/// <summary>
/// Decodes baseline, extended and progressive Huffman JPEG to the same pixels as libjpeg-turbo's defaults.
/// One instance per thread keeps its buffers and tables from file to file.
/// </summary>
sealed class JpegDecoder
{
    // Larger buffers go back to the collector after use, so that one huge picture does not cost memory for ever.
    const int KeepBytes = 16 << 20;
    const int MaxScans = 500;

    [ThreadStatic]
    static JpegDecoder? s_current;

    readonly JpegHeader _header = new();
    readonly ScanDecoder _scan;
    readonly Upsampler[] _upsamplers = [new(), new(), new(), new()];
    string? _path;
    DecodeOptions _options = DecodeOptions.Default;
    DecodeReport? _report;
    int _width, _height, _scaledSize;

    JpegDecoder() => _scan = new ScanDecoder(_header);

    /// <summary>Reads the header up to the first scan.</summary>
    public static ImageInfo ReadInfo(ReadOnlySpan<byte> file, string? path)
    {
        var header = new JpegHeader();
        header.Reset(path);
        var position = 2;
        while (!header.HasFrame)
        {
            if (header.Read(file, ref position, stopAtFrame: true) is 0 or JpegMarker.Eoi) throw ImageErrors.Truncated("there is no frame header", path);
        }
        var (width, height, count) = (header.Width, header.Height, header.ComponentCount);
        var color = header.ComponentCount == 1 ? JpegColor.Grey : JpegColor.YCbCr;
        try
        {
            if (header.Read(file, ref position) == JpegMarker.Sos) color = header.Color;
        }
        catch (MlNetCifarException)
        {
            color = count == 4 ? JpegColor.Cmyk : color;
        }
        return new ImageInfo
        {
            Format = ImageFormat.Jpeg,
            Width = width,
            Height = height,
            Components = count,
            ColorModel = color.ToString().ToLowerInvariant(),
            Orientation = header.Orientation,
            IsProgressive = header.IsProgressive,
        };
    }

    /// <summary>Decodes a file.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="options">Limits.</param>
    /// <param name="path">Named in errors.</param>
    /// <param name="report">Told of oddities; may be null.</param>
    /// <param name="orientation">How the picture is to be turned.</param>
    public static RgbImage Decode(ReadOnlySpan<byte> file, DecodeOptions options, string? path, DecodeReport? report, out int orientation)
    {
        var decoder = s_current ??= new JpegDecoder();
        (decoder._options, decoder._path, decoder._report) = (options, path, report);
        try
        {
            var image = decoder.Run(file);
            orientation = decoder._header.Orientation;
            return image;
        }
        finally
        {
            decoder.Release();
        }
    }

    RgbImage Run(ReadOnlySpan<byte> file)
    {
        _header.Reset(_path);
        var position = 2;
        int marker;
        do
        {
            marker = _header.Read(file, ref position, stopAtFrame: true);
            if (marker is 0 or JpegMarker.Eoi) throw ImageErrors.Truncated("there is no compressed data", _path);
            if (marker != JpegMarker.Sos) Limits.CheckWhole(_header.Width, _header.Height, _options, _path);
        }
        while (marker != JpegMarker.Sos);

        var direct = !_header.IsProgressive && _header.ScanCount == _header.ComponentCount;
        CheckLength(file.Length - position, direct);
        _scaledSize = ScaledTransform.ChooseSize(_header, _options);

        // With several scans all coefficients are held, at the whole size.
        if (direct) Limits.Check(Scaled(_header.Width), Scaled(_header.Height), _options, _path);
        else Limits.Check(_header.Width, _header.Height, _options, _path);
        LayOut(direct);
        if (direct) DecodeDirect(file, ref position);
        else DecodeAll(file, ref position);
        var image = RgbImage.Uninitialized(_width, _height);
        WritePixels(image);
        return image;
    }

    /// <summary>Every block takes two codes, hence two bits, or one in a progressive file: a file shorter than that is refused before any allocation.</summary>
    void CheckLength(long bytes, bool direct)
    {
        if (_options.AllowTruncated) return;
        var blocks = (long)_header.McusWide * _header.McusHigh;
        if (bytes * 8 < (direct ? 2 * blocks : blocks)) throw ImageErrors.Truncated("it has fewer bits than blocks of pixels", _path);
    }

    void LayOut(bool direct)
    {
        _width = Scaled(_header.Width);
        _height = Scaled(_header.Height);
        foreach (var component in _header.Components)
        {
            var (h, v) = (component.Horizontal, component.Vertical);
            component.BlocksWide = CeilingDivide(_header.Width * h, 8 * _header.MaxHorizontal);
            component.BlocksHigh = CeilingDivide(_header.Height * v, 8 * _header.MaxVertical);
            component.PaddedBlocksWide = _header.McusWide * h;
            component.PaddedBlocksHigh = _header.McusHigh * v;
            component.BlockSize = ScaledTransform.ComponentSize(component, _header, _scaledSize);
            component.Width = CeilingDivide(_header.Width * h * component.BlockSize, 8 * _header.MaxHorizontal);
            component.Height = CeilingDivide(_header.Height * v * component.BlockSize, 8 * _header.MaxVertical);
            component.Stride = (component.PaddedBlocksWide + 3) / 4 * 4 * component.BlockSize;
            ChooseUpsampling(component);
            var samples = (long)component.Stride * component.PaddedBlocksHigh * component.BlockSize + Upsampler.Slack;
            var coefficients = (long)component.CoefficientStride * (direct ? v : component.PaddedBlocksHigh);
            if (samples > Array.MaxLength || coefficients > Array.MaxLength) throw ImageErrors.TooLarge("more samples than an array holds", "2³¹", _path);
            if (component.Samples.Length < samples) component.Samples = GC.AllocateUninitializedArray<byte>((int)samples);
            if (component.Coefficients.Length < coefficients) component.Coefficients = GC.AllocateUninitializedArray<short>((int)coefficients);
            component.Coefficients.AsSpan(0, (int)coefficients).Clear();
        }
    }

    void ChooseUpsampling(JpegComponent component)
    {
        var horizontal = _header.MaxHorizontal * _scaledSize;
        var vertical = _header.MaxVertical * _scaledSize;
        var (h, v) = (component.Horizontal * component.BlockSize, component.Vertical * component.BlockSize);
        if (horizontal % h != 0 || vertical % v != 0) throw ImageErrors.UnsupportedFeature("fractional chroma sampling", _path);
        component.HorizontalFactor = horizontal / h;
        component.VerticalFactor = vertical / v;
        var fancy = _scaledSize > 1;
        component.Upsampling = (component.HorizontalFactor, component.VerticalFactor) switch
        {
            (1, 1) => UpsampleKind.None,
            (2, 1) when fancy && component.Width > 2 => UpsampleKind.FancyH2V1,
            (2, 2) when fancy && component.Width > 2 => UpsampleKind.FancyH2V2,
            (1, 2) when fancy => UpsampleKind.FancyH1V2,
            _ => UpsampleKind.Replicate,
        };
    }

    /// <summary>One scan with everything in it: transformed row by row, so that only one row of MCUs is held as coefficients.</summary>
    void DecodeDirect(ReadOnlySpan<byte> file, ref int position)
    {
        _scan.Begin(file, position, !_options.AllowTruncated, _path, _report);
        for (var row = 0; row < _header.McusHigh; row++)
        {
            _options.Cancellation.ThrowIfCancellationRequested();
            _scan.DecodeRow(file, row, row);
            foreach (var component in _header.Components)
            {
                Transform(component, 0, row * component.Vertical, component.Vertical);
                component.Coefficients.AsSpan(0, component.Vertical * component.CoefficientStride).Clear();
            }
        }
        position = _scan.MarkerPosition;
        var end = position;
        if (_report is not null && JpegHeader.NextMarker(file, ref end) != JpegMarker.Eoi) _report.Note("The end-of-image marker is missing.");
    }

    /// <summary>Any number of scans: all coefficients first, then the transform.</summary>
    void DecodeAll(ReadOnlySpan<byte> file, ref int position)
    {
        var scans = 0;
        while (true)
        {
            if (++scans > MaxScans) throw ImageErrors.Damaged($"more than {MaxScans} scans", _path);
            _scan.Begin(file, position, !_options.AllowTruncated, _path, _report);
            for (var row = 0; row < _scan.Rows && _scan.DecodeRow(file, row, 0); row++) _options.Cancellation.ThrowIfCancellationRequested();
            MarkFinished();
            position = _scan.MarkerPosition;
            var marker = _header.Read(file, ref position);
            if (marker == JpegMarker.Eoi) break;
            if (marker == JpegMarker.Sos) continue;
            MissingEnd();
            break;
        }
        foreach (var component in _header.Components) Transform(component, 0, 0, component.PaddedBlocksHigh);
    }

    /// <summary>Notes which coefficients the current scan completes.</summary>
    void MarkFinished()
    {
        var positions = ulong.MaxValue;
        if (_header.IsProgressive) positions = _header.ApproximationLow == 0 ? (ulong.MaxValue >> (63 - _header.SpectralEnd)) & (ulong.MaxValue << _header.SpectralStart) : 0;
        foreach (var component in _header.Scan) component.Finished |= positions;
    }

    /// <summary>Without an end marker nothing says that no scan is missing; only coefficients sent to the last bit do.</summary>
    void MissingEnd()
    {
        _report?.Note("The end-of-image marker is missing.");
        foreach (var component in _header.Components)
        {
            if (component.Finished == ulong.MaxValue) continue;
            if (_report is not null) _report.IsTruncated = true;
            if (!_options.AllowTruncated) throw ImageErrors.Truncated("scans are missing", _path);
        }
    }

    void Transform(JpegComponent component, int coefficientRow, int blockRow, int rows)
    {
        for (var row = 0; row < rows; row++)
        {
            _options.Cancellation.ThrowIfCancellationRequested();
            var coefficients = component.Coefficients.AsSpan((coefficientRow + row) * component.CoefficientStride, component.CoefficientStride);
            var samples = component.Samples.AsSpan((blockRow + row) * component.BlockSize * component.Stride);
            if (component.BlockSize == 8) InverseTransform.Run(coefficients, component.Quantizer, samples, component.Stride);
            else ScaledTransform.Run(coefficients, component.Quantizer, samples, component.Stride, component.BlockSize);
        }
    }

    void WritePixels(RgbImage image)
    {
        var components = _header.Components;
        for (var y = 0; y < _height; y++)
        {
            _options.Cancellation.ThrowIfCancellationRequested();
            var target = image.Row(y);
            var first = _upsamplers[0].Row(components[0], y);
            if (components.Length == 1)
            {
                ColorConversion.GreyToRgb(first, target, _width);
                continue;
            }
            var second = _upsamplers[1].Row(components[1], y);
            var third = _upsamplers[2].Row(components[2], y);
            var fourth = components.Length == 4 ? _upsamplers[3].Row(components[3], y) : default;
            switch (_header.Color)
            {
                case JpegColor.YCbCr:
                    ColorConversion.YccToRgb(first, second, third, target, _width);
                    break;
                case JpegColor.Rgb:
                    ColorConversion.PlanesToRgb(first, second, third, target, _width);
                    break;
                case JpegColor.Cmyk:
                    ColorConversion.CmykToRgb(first, second, third, fourth, target, _width);
                    break;
                default:
                    ColorConversion.YcckToRgb(first, second, third, fourth, target, _width);
                    break;
            }
        }
    }

    void Release()
    {
        (_report, _path) = (null, null);
        _scan.Release(KeepBytes);
        foreach (var component in _header.Components)
        {
            if (component.Samples.Length > KeepBytes) component.Samples = [];
            if (component.Coefficients.Length > KeepBytes / 2) component.Coefficients = [];
        }
    }

    int Scaled(int length) => CeilingDivide(length * _scaledSize, 8);

    static int CeilingDivide(int dividend, int divisor) => (dividend + divisor - 1) / divisor;
}
