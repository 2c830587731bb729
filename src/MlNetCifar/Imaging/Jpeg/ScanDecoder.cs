using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MlNetCifar.Imaging;

/// <summary>Reads the entropy-coded data of one scan, MCU row by MCU row, with restarts and libjpeg's way of recovering from damage.</summary>
/// <param name="header">The file's segments.</param>
sealed class ScanDecoder(JpegHeader header)
{
    enum ScanKind
    {
        Sequential,
        DcFirst,
        DcRefine,
        AcFirst,
        AcRefine,
    }

    readonly HuffmanTable[] _dcTables = new HuffmanTable[4];
    readonly HuffmanTable[] _acTables = new HuffmanTable[4];
    EntropyReader _reader = new();
    ScanKind _kind;
    int _restartsToGo;
    int _nextRestart;
    int _endOfBand;
    int _markerPosition;
    bool _exhausted;
    bool _strict;
    string? _path;
    DecodeReport? _report;

    /// <summary>Where the marker after the data read so far starts.</summary>
    public int MarkerPosition => _markerPosition;

    /// <summary>Rows of MCUs in the current scan.</summary>
    public int Rows => header.ScanCount == 1 ? header.Scan[0].BlocksHigh : header.McusHigh;

    /// <summary>Starts a scan.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="position">First byte of entropy-coded data.</param>
    /// <param name="strict">Whether missing or invalid data are errors.</param>
    /// <param name="path">Named in errors.</param>
    /// <param name="report">Told of missing or invalid data; may be null.</param>
    public void Begin(ReadOnlySpan<byte> file, int position, bool strict, string? path, DecodeReport? report)
    {
        (_strict, _path, _report) = (strict, path, report);
        _kind = !header.IsProgressive ? ScanKind.Sequential
            : header.SpectralStart == 0 ? (header.ApproximationHigh == 0 ? ScanKind.DcFirst : ScanKind.DcRefine)
            : header.ApproximationHigh == 0 ? ScanKind.AcFirst : ScanKind.AcRefine;
        for (var i = 0; i < header.ScanCount; i++)
        {
            var component = header.Scan[i];
            component.DcPrediction = 0;
            if (_kind is ScanKind.Sequential or ScanKind.DcFirst) _dcTables[i] = header.Table(true, component.DcIndex);
            if (_kind is ScanKind.Sequential or ScanKind.AcFirst or ScanKind.AcRefine) _acTables[i] = header.Table(false, component.AcIndex);
        }
        _restartsToGo = header.RestartInterval;
        _nextRestart = 0;
        _endOfBand = 0;
        _exhausted = false;
        _markerPosition = _reader.Load(file, position);
    }

    /// <summary>Decodes one row of MCUs.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="row">Row of MCUs of the scan.</param>
    /// <param name="blockRowOrigin">Block row, in units of MCU rows, that coefficient storage starts with.</param>
    /// <returns>False when nothing more can come from this scan.</returns>
    public bool DecodeRow(ReadOnlySpan<byte> file, int row, int blockRowOrigin)
    {
        var wide = header.ScanCount == 1 ? header.Scan[0].BlocksWide : header.McusWide;
        for (var column = 0; column < wide; column++)
        {
            if (header.RestartInterval > 0)
            {
                if (_restartsToGo == 0) Restart(file);
                _restartsToGo--;
            }
            if (_exhausted)
            {
                if (header.RestartInterval == 0) return false;
                continue;
            }
            if (!(header.ScanCount == 1 ? DecodeSingle(row - blockRowOrigin, column) : DecodeMcu(row - blockRowOrigin, column))) ReportDamage("an invalid Huffman code");
            if (_reader.IsExhausted) Exhaust();
        }
        return true;
    }

    /// <summary>Forgets the file and gives a large buffer back.</summary>
    public void Release(int keepBytes)
    {
        (_report, _path) = (null, null);
        _reader.Trim(keepBytes);
    }

    bool DecodeSingle(int row, int column)
    {
        var component = header.Scan[0];
        return DecodeBlock(component, 0, ref component.Coefficients[row * component.CoefficientStride + JpegComponent.BlockOffset(column)]);
    }

    bool DecodeMcu(int row, int column)
    {
        var valid = true;
        for (var i = 0; i < header.ScanCount; i++)
        {
            var component = header.Scan[i];
            for (var v = 0; v < component.Vertical; v++)
            {
                var start = (row * component.Vertical + v) * component.CoefficientStride;
                for (var h = 0; h < component.Horizontal; h++)
                {
                    valid &= DecodeBlock(component, i, ref component.Coefficients[start + JpegComponent.BlockOffset(column * component.Horizontal + h)]);
                }
            }
        }
        return valid;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    bool DecodeBlock(JpegComponent component, int index, ref short block)
    {
        if (_kind == ScanKind.Sequential) return BlockDecoder.DecodeSequential(ref _reader, _dcTables[index], _acTables[index], ref component.DcPrediction, ref block);
        return DecodeProgressive(component, index, ref block);
    }

    bool DecodeProgressive(JpegComponent component, int index, ref short block)
    {
        switch (_kind)
        {
            case ScanKind.DcFirst:
                return ProgressiveBlock.DecodeDcFirst(ref _reader, _dcTables[index], ref component.DcPrediction, ref block, header.ApproximationLow);
            case ScanKind.DcRefine:
                ProgressiveBlock.DecodeDcRefine(ref _reader, ref block, header.ApproximationLow);
                return true;
            case ScanKind.AcRefine:
                return ProgressiveBlock.DecodeAcRefine(
                    ref _reader, _acTables[index], ref _endOfBand, ref block, header.SpectralStart, header.SpectralEnd, header.ApproximationLow);
        }
        if (_endOfBand > 0)
        {
            _endOfBand--;
            return true;
        }
        return ProgressiveBlock.DecodeAcFirst(
            ref _reader, _acTables[index], ref _endOfBand, ref block, header.SpectralStart, header.SpectralEnd, header.ApproximationLow);
    }

    void Restart(ReadOnlySpan<byte> file)
    {
        if (_reader.HasLeftovers && !_exhausted) _report?.Note("There are superfluous bytes before a restart marker.");
        var position = _markerPosition;
        var found = Resynchronize(file, ref position);
        _nextRestart = (_nextRestart + 1) & 7;
        _restartsToGo = header.RestartInterval;
        _endOfBand = 0;
        foreach (var component in header.Scan) component.DcPrediction = 0;
        if (found) _exhausted = false;
        _markerPosition = _reader.Load(file, position);
    }

    /// <summary>Moves behind the expected restart marker, or to where libjpeg would go on when another one is found.</summary>
    /// <returns>Whether data follow at <paramref name="position"/>; false where a marker stands there that ends the interval at once.</returns>
    bool Resynchronize(ReadOnlySpan<byte> file, ref int position)
    {
        while (true)
        {
            var start = position;
            var marker = JpegHeader.NextMarker(file, ref position);
            var distance = (marker - JpegMarker.Rst0 - _nextRestart) & 7;
            var isRestart = marker is >= JpegMarker.Rst0 and <= JpegMarker.Rst0 + 7;
            if (isRestart && distance == 0) return true;
            if (marker != 0) ReportDamage("a wrong restart marker");
            if (marker != 0 && (marker < JpegMarker.Sof0 || (isRestart && distance is 6 or 7))) continue;
            if (isRestart && distance is 3 or 4 or 5) return true;
            position = marker == 0 ? file.Length : start;
            return false;
        }
    }

    void Exhaust()
    {
        _exhausted = true;
        if (_report is not null && !_report.IsTruncated) _report.Note("The compressed data end before the picture is complete.");
        if (_report is not null) _report.IsTruncated = true;
        if (_strict) throw ImageErrors.Truncated("the compressed data end before the picture is complete", _path);
    }

    void ReportDamage(string found)
    {
        if (_report is not null)
        {
            if (!_report.IsDamaged) _report.Note($"The compressed data hold {found}.");
            _report.IsDamaged = true;
        }
        if (_strict) throw ImageErrors.Damaged(found, _path);
    }
}
