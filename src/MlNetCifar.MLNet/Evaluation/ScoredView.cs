using Microsoft.ML;
using Microsoft.ML.Data;

namespace MlNetCifar.MLNet;

/// <summary>Rows of Label, Score and PredictedLabel.</summary>
internal sealed class ScoredView : IDataView
{
    readonly int[] _labels;
    readonly float[] _scores;
    readonly int _classes;

    public ScoredView(int[] labels, float[] scores, LabelValues values)
    {
        (_labels, _scores, _classes) = (labels, scores, values.Names.Count);
        var annotations = new DataViewSchema.Annotations.Builder();
        values.AddTo(annotations, AnnotationKinds.KeyValues);
        var builder = new DataViewSchema.Builder();
        builder.AddColumn("Label", values.KeyType, annotations.ToAnnotations());
        builder.AddColumns(ClassifierEngine.Columns(values, 1, new("Score", "PredictedLabel")));
        Schema = builder.ToSchema();
    }

    public DataViewSchema Schema { get; }

    public bool CanShuffle => false;

    public long? GetRowCount() => _labels.Length;

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null) => new Cursor(this);

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null) => [new Cursor(this)];

    sealed class Cursor(ScoredView view) : DataViewRowCursor
    {
        long _row = -1;

        public override DataViewSchema Schema => view.Schema;

        public override long Position => _row;

        public override long Batch => 0;

        Span<float> Scores => view._scores.AsSpan((int)_row * view._classes, view._classes);

        public override bool MoveNext() => ++_row < view._labels.Length;

        public override bool IsColumnActive(DataViewSchema.Column column) => true;

        public override ValueGetter<DataViewRowId> GetIdGetter() => (ref DataViewRowId value) => value = new((ulong)_row, 0);

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
        {
            Delegate getter = column.Index switch
            {
                0 => (ValueGetter<uint>)((ref uint value) => value = (uint)(view._labels[_row] + 1)),
                1 => (ValueGetter<VBuffer<float>>)((ref VBuffer<float> value) => value = new(view._classes, Scores.ToArray())),
                _ => (ValueGetter<uint>)((ref uint value) => value = (uint)Best() + 1),
            };
            return (ValueGetter<TValue>)getter;
        }

        int Best()
        {
            var (scores, best) = (Scores.ToArray(), 0);
            for (var k = 1; k < scores.Length; k++)
                best = scores[k] > scores[best] ? k : best;
            return best;
        }
    }
}
