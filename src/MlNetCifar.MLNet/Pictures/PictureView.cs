using Microsoft.ML;
using Microsoft.ML.Data;

namespace MlNetCifar.MLNet;

/// <summary>A view with computed columns. Lazy: nothing is read or computed before a cursor asks for it.</summary>
internal sealed class PictureView(PictureBinding binding, IDataView input) : IDataView
{
    public DataViewSchema Schema => binding.OutputSchema;

    public bool CanShuffle => input.CanShuffle;

    public long? GetRowCount() => input.GetRowCount();

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null)
    {
        DataViewSchema.Column[] wanted = [.. columnsNeeded];
        return Cursor(wanted, input.GetRowCursor(binding.GetDependencies(wanted), rand));
    }

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null)
    {
        DataViewSchema.Column[] wanted = [.. columnsNeeded];
        return [.. input.GetRowCursorSet(binding.GetDependencies(wanted), n, rand).Select(rows => Cursor(wanted, rows))];
    }

    DataViewRowCursor Cursor(DataViewSchema.Column[] wanted, DataViewRowCursor rows)
    {
        var active = binding.ActiveOf(wanted);
        return binding.OwnOf(active).Contains(true) ? new PictureCursor(binding, rows, active) : new PassingCursor(binding, rows, active);
    }
}

/// <summary>The rows of the input where nothing computed is wanted.</summary>
internal sealed class PassingCursor(PictureBinding binding, DataViewRowCursor input, bool[] isActive) : DataViewRowCursor
{
    public override DataViewSchema Schema => binding.OutputSchema;

    public override long Position => input.Position;

    public override long Batch => input.Batch;

    public override bool MoveNext() => input.MoveNext();

    public override ValueGetter<DataViewRowId> GetIdGetter() => input.GetIdGetter();

    public override bool IsColumnActive(DataViewSchema.Column column) => isActive[column.Index];

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) => isActive[column.Index]
        ? input.GetGetter<TValue>(binding.InputSchema[column.Index])
        : throw new ArgumentOutOfRangeException(nameof(column), $"The column '{column.Name}' is not active.");

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            input.Dispose();
        base.Dispose(disposing);
    }
}

/// <summary>Reads ahead by blocks, whose pictures are looked at together on all cores; rows come in the input's order with the values that they had.</summary>
internal sealed class PictureCursor : DataViewRowCursor
{
    /// <summary>Whoever looks at the first rows only does not wait for a whole block.</summary>
    const int FirstBlock = 8;

    readonly PictureBinding _binding;
    readonly DataViewRowCursor _input;
    readonly bool[] _isActive;
    readonly bool[] _own;
    readonly BadRows _bad;
    readonly Func<Picture> _reader;
    readonly ValueGetter<DataViewRowId> _id;
    readonly ColumnBuffer?[] _columns;
    readonly List<Picture> _pictures = [];
    readonly List<(long Position, long Batch, DataViewRowId Id)> _rows = [];
    Answer?[] _answers = [];
    int _size = FirstBlock;
    int _slot = -1;
    bool _isAtEnd;

    public PictureCursor(PictureBinding binding, DataViewRowCursor input, bool[] isActive)
    {
        (_binding, _input, _isActive, _own) = (binding, input, isActive, binding.OwnOf(isActive));
        _bad = new(binding.Engine.Environment);
        _reader = binding.Pictures.ReaderOf(input);
        _id = input.GetIdGetter();
        _columns = [.. input.Schema.Select(column => isActive[column.Index] ? ColumnBuffer.Of(input, column, binding.Engine.BlockSize) : null)];
    }

    public override DataViewSchema Schema => _binding.OutputSchema;

    public override long Position => _slot >= 0 && _slot < _rows.Count ? _rows[_slot].Position : -1;

    public override long Batch => _slot >= 0 && _slot < _rows.Count ? _rows[_slot].Batch : _input.Batch;

    public override bool MoveNext()
    {
        if (++_slot < _rows.Count)
            return true;
        if (!_isAtEnd)
            Fill();
        return _slot < _rows.Count;
    }

    public override ValueGetter<DataViewRowId> GetIdGetter() => (ref DataViewRowId value) => value = _rows[_slot].Id;

    public override bool IsColumnActive(DataViewSchema.Column column) => _isActive[column.Index];

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
    {
        if (!_isActive[column.Index])
            throw new ArgumentOutOfRangeException(nameof(column), $"The column '{column.Name}' is not active.");
        return (ValueGetter<TValue>)(column.Index < _columns.Length
            ? _columns[column.Index]!.Getter(() => _slot)
            : _binding.Engine.Outputs[column.Index - _columns.Length].Getter(() => _answers[_slot]));
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _bad.Dispose();
            _input.Dispose();
        }

        base.Dispose(disposing);
    }

    void Fill()
    {
        _rows.Clear();
        _pictures.Clear();
        _slot = 0;
        while (_rows.Count < _size && !_isAtEnd)
        {
            _isAtEnd = !_input.MoveNext();
            if (_isAtEnd)
                break;
            foreach (var column in _columns)
                column?.Keep(_rows.Count);
            DataViewRowId id = default;
            _id(ref id);
            _rows.Add((_input.Position, _input.Batch, id));
            _pictures.Add(_reader());
        }

        _size = Math.Min(4 * _size, _binding.Engine.BlockSize);
        _answers = _rows.Count == 0 ? [] : _binding.Engine.Answers(_pictures, [.. _rows.Select(row => row.Position)], _own, _bad);
        if (_isAtEnd)
            _bad.Dispose();
    }
}

/// <summary>The values of a column in the rows of a block.</summary>
internal abstract class ColumnBuffer
{
    /// <summary>Makes one.</summary>
    /// <param name="row">In which the column is active.</param>
    /// <param name="column">Which.</param>
    /// <param name="size">Rows of a block.</param>
    public static ColumnBuffer Of(DataViewRow row, DataViewSchema.Column column, int size)
    {
        var type = column.Type.RawType;
        if (PictureColumn.IsImage(column.Type))
            return ImageReader.Buffer(row, column, size);
        return type.IsGenericType && type.GetGenericTypeDefinition() == typeof(VBuffer<>)
            ? (ColumnBuffer)Generic.Call(typeof(ColumnBuffer), nameof(OfVectors), type.GetGenericArguments()[0], row, column, size)!
            : (ColumnBuffer)Generic.Call(typeof(ColumnBuffer), nameof(OfScalars), type, row, column, size)!;
    }

    /// <summary>Takes the value of the current row.</summary>
    public abstract void Keep(int slot);

    /// <summary>What gives the value of a row.</summary>
    public abstract Delegate Getter(Func<int> slot);

    static ColumnBuffer OfVectors<T>(DataViewRow row, DataViewSchema.Column column, int size) =>
        new Values<VBuffer<T>>(row.GetGetter<VBuffer<T>>(column), size, static (in VBuffer<T> from, ref VBuffer<T> to) => from.CopyTo(ref to));

    static ColumnBuffer OfScalars<T>(DataViewRow row, DataViewSchema.Column column, int size) =>
        new Values<T>(row.GetGetter<T>(column), size, static (in T from, ref T to) => to = from);

    delegate void Copy<T>(in T from, ref T to);

    sealed class Values<T>(ValueGetter<T> getter, int size, Copy<T> copy) : ColumnBuffer
    {
        readonly T[] _values = new T[size];

        public override void Keep(int slot) => getter(ref _values[slot]);

        public override Delegate Getter(Func<int> slot) => (ValueGetter<T>)((ref T value) => copy(in _values[slot()], ref value));
    }
}
