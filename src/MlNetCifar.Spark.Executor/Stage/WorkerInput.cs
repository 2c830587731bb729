using System.Globalization;
using System.Text;
using MlNetCifar.Data;

namespace MlNetCifar.Spark.Stage;

/// <summary>The rows Spark writes to a worker, read without a copy of the line: <c>task</c>, or <c>task, row, base64 of the content</c>.</summary>
sealed class WorkerInput(Stream stream)
{
    byte[] _buffer = new byte[1 << 16];
    int _start;
    int _end;
    int _task;
    int _row;
    byte[]? _content;
    bool _isOpen;

    /// <summary>The task of the row that comes next; false at the end of the input.</summary>
    public bool TryPeek(out int task)
    {
        if (!_isOpen && TryLine(out var line))
            Parse(line);
        task = _task;
        return _isOpen;
    }

    /// <summary>Takes the row that came next.</summary>
    public void Take() => (_isOpen, _content) = (false, null);

    /// <summary>The images of a task whose content comes in rows, sorted by row; what Spark did not find is read as a missing file.</summary>
    public IEnumerable<ShardInput> Inputs(int task, IEnumerable<ShardItem> items)
    {
        foreach (var (i, item) in items.Index())
        {
            if (TryPeek(out var next) && next == task && _row == i)
            {
                var content = _content!;
                Take();
                yield return new(item.Name, item.Label, () => content);
            }
            else
            {
                yield return new(item.Name, item.Label, () => throw new FileNotFoundException("The row is missing in the input.", item.Name));
            }
        }
    }

    /// <summary>Checks that a task's rows have all been taken; what is left came twice or out of order.</summary>
    public void EndTask(int task)
    {
        if (TryPeek(out var next) && next == task)
            throw new InvalidOperationException($"Row {_row} of task {task} came twice or out of order.");
    }

    /// <summary>Reads what is left: a worker that ended earlier would look like one that had seen everything.</summary>
    public void Drain()
    {
        _isOpen = false;
        while (stream.Read(_buffer) > 0)
        {
        }

        _start = _end = 0;
    }

    void Parse(ReadOnlySpan<byte> line)
    {
        var tab = line.IndexOf((byte)'\t');
        _task = Number(tab < 0 ? line : line[..tab]);
        _content = null;
        if (tab >= 0)
        {
            line = line[(tab + 1)..];
            tab = line.IndexOf((byte)'\t');
            if (tab < 0)
                throw new FormatException("A row has two columns, expected one or three.");
            _row = Number(line[..tab]);
            _content = Decode(line[(tab + 1)..]);
        }

        _isOpen = true;
    }

    static int Number(ReadOnlySpan<byte> text) => int.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture);

    static byte[] Decode(ReadOnlySpan<byte> base64)
    {
        var bytes = new byte[System.Buffers.Text.Base64.GetMaxDecodedFromUtf8Length(base64.Length)];
        if (System.Buffers.Text.Base64.DecodeFromUtf8(base64, bytes, out _, out var written) != System.Buffers.OperationStatus.Done)
            throw new FormatException($"A row's content is no base64: {Encoding.UTF8.GetString(base64[..Math.Min(20, base64.Length)])}…");
        return written == bytes.Length ? bytes : bytes[..written];
    }

    bool TryLine(out ReadOnlySpan<byte> line)
    {
        for (var searched = _start; ;)
        {
            var newline = _buffer.AsSpan(searched, _end - searched).IndexOf((byte)'\n');
            if (newline >= 0)
            {
                line = _buffer.AsSpan(_start, searched + newline - _start);
                _start = searched + newline + 1;
                return true;
            }

            searched = _end;
            if (!Fill(ref searched))
            {
                line = _buffer.AsSpan(_start, _end - _start);
                _start = _end;
                return line.Length > 0;
            }
        }
    }

    bool Fill(ref int searched)
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            searched -= _start;
            _end -= _start;
            _start = 0;
        }

        if (_end == _buffer.Length)
            Array.Resize(ref _buffer, checked(_buffer.Length * 2));
        var n = stream.Read(_buffer, _end, _buffer.Length - _end);
        _end += n;
        return n > 0;
    }
}
