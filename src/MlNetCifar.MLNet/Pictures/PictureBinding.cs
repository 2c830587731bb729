using Microsoft.ML;
using Microsoft.ML.Data;

namespace MlNetCifar.MLNet;

/// <summary>An engine bound to the schema of its input: the columns that come through, then its own.</summary>
internal sealed class PictureBinding : IRowToRowMapper
{
    /// <summary>Binds.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The column of pictures is not there, or holds none.</exception>
    public PictureBinding(PictureEngine engine, DataViewSchema input)
    {
        (Engine, InputSchema, Pictures) = (engine, input, PictureColumn.Find(input, engine.Input));
        var builder = new DataViewSchema.Builder();
        builder.AddColumns(input);
        builder.AddColumns(engine.Outputs.Select(output => output.Column));
        OutputSchema = builder.ToSchema();
    }

    public PictureEngine Engine { get; }

    public PictureColumn Pictures { get; }

    public DataViewSchema InputSchema { get; }

    public DataViewSchema OutputSchema { get; }

    /// <summary>Which columns of the output are wanted.</summary>
    public bool[] ActiveOf(IEnumerable<DataViewSchema.Column> wanted)
    {
        var active = new bool[OutputSchema.Count];
        foreach (var column in wanted)
            active[column.Index] = true;
        return active;
    }

    /// <summary>Which of the engine's own columns are wanted.</summary>
    public bool[] OwnOf(bool[] active) => active[InputSchema.Count..];

    /// <inheritdoc/>
    public IEnumerable<DataViewSchema.Column> GetDependencies(IEnumerable<DataViewSchema.Column> dependingColumns)
    {
        var active = ActiveOf(dependingColumns);
        var needsPictures = OwnOf(active).Contains(true);
        return InputSchema.Where(column => active[column.Index] || (needsPictures && column.Index == Pictures.Column.Index));
    }

    /// <inheritdoc/>
    public DataViewRow GetRow(DataViewRow input, IEnumerable<DataViewSchema.Column> activeColumns) => new PictureRow(this, input, ActiveOf(activeColumns));
}

/// <summary>One row at a time, for prediction engines.</summary>
internal sealed class PictureRow(PictureBinding binding, DataViewRow input, bool[] isActive) : DataViewRow
{
    readonly BadRows _bad = new(binding.Engine.Environment);
    readonly bool[] _own = binding.OwnOf(isActive);
    Func<Picture>? _reader;
    Answer? _answer;
    long _answered = -1;

    public override DataViewSchema Schema => binding.OutputSchema;

    public override long Position => input.Position;

    public override long Batch => input.Batch;

    public override ValueGetter<DataViewRowId> GetIdGetter() => input.GetIdGetter();

    public override bool IsColumnActive(DataViewSchema.Column column) => isActive[column.Index];

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
    {
        if (column.Index < binding.InputSchema.Count)
            return input.GetGetter<TValue>(binding.InputSchema[column.Index]);
        return (ValueGetter<TValue>)binding.Engine.Outputs[column.Index - binding.InputSchema.Count].Getter(Current);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _bad.Dispose();
            input.Dispose();
        }

        base.Dispose(disposing);
    }

    Answer? Current()
    {
        if (_answered == input.Position)
            return _answer;
        _reader ??= binding.Pictures.ReaderOf(input);
        _answer = binding.Engine.Answers([_reader()], [input.Position], _own, _bad)[0];
        _answered = input.Position;
        return _answer;
    }
}
