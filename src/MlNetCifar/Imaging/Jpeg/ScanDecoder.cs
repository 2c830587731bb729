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

    /// <summary>A block of an MCU: its component, tables, place in the MCU, and where in the component's coefficients its row starts.</summary>
    struct Block
    {
        public JpegComponent Component;
        public HuffmanTable Dc, Ac;
        public int Rows, Row, Columns, Column, Start;
    }

    readonly Block[] _blocks = new Block[JpegHeader.MaxScanBlocks];
    int _blockCount;
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
        _blockCount = 0;
        for (var i = 0; i < header.ScanCount; i++)
        {
            var component = header.Scan[i];
            component.DcPrediction = 0;
            var block = new Block { Component = component, Rows = 1, Columns = 1 };
            if (_kind is ScanKind.Sequential or ScanKind.DcFirst) block.Dc = header.Table(true, component.DcIndex);
            if (_kind is ScanKind.Sequential or ScanKind.AcFirst or ScanKind.AcRefine) block.Ac = header.Table(false, component.AcIndex);
            if (header.ScanCount > 1) (block.Rows, block.Columns) = (component.Vertical, component.Horizontal);
            for (block.Row = 0; block.Row < block.Rows; block.Row++)
            {
                for (block.Column = 0; block.Column < block.Columns; block.Column++) _blocks[_blockCount++] = block;
            }
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
        var blocks = _blocks.AsSpan(0, _blockCount);
        foreach (ref var block in blocks) block.Start = ((row - blockRowOrigin) * block.Rows + block.Row) * block.Component.CoefficientStride;
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
            if (!DecodeMcu(blocks, column)) ReportDamage("an invalid Huffman code");
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

    bool DecodeMcu(ReadOnlySpan<Block> blocks, int column)
    {
        var valid = true;
        foreach (ref readonly var block in blocks)
        {
            var component = block.Component;
            ref var first = ref component.Coefficients[block.Start + JpegComponent.BlockOffset(column * block.Columns + block.Column)];
            valid &= _kind == ScanKind.Sequential ? BlockDecoder.DecodeSequential(ref _reader, block.Dc, block.Ac, ref component.DcPrediction, ref first)
                : DecodeProgressive(block, ref first);
        }
        return valid;
    }

    bool DecodeProgressive(in Block block, ref short first)
    {
        switch (_kind)
        {
            case ScanKind.DcFirst:
                return ProgressiveBlock.DecodeDcFirst(ref _reader, block.Dc, ref block.Component.DcPrediction, ref first, header.ApproximationLow);
            case ScanKind.DcRefine:
                ProgressiveBlock.DecodeDcRefine(ref _reader, ref first, header.ApproximationLow);
                return true;
            case ScanKind.AcRefine:
                return ProgressiveBlock.DecodeAcRefine(
                    ref _reader, block.Ac, ref _endOfBand, ref first, header.SpectralStart, header.SpectralEnd, header.ApproximationLow);
        }
        if (_endOfBand > 0)
        {
            _endOfBand--;
            return true;
        }
        return ProgressiveBlock.DecodeAcFirst(
            ref _reader, block.Ac, ref _endOfBand, ref first, header.SpectralStart, header.SpectralEnd, header.ApproximationLow);
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
