using Microsoft.ML;
using Microsoft.ML.Data;

namespace MlNetCifar.MLNet;

/// <summary>Pictures of a source, for example of shards, as rows of ML.NET: Image (pixels, [H, W, C] bytes), Label (a key with the classes' names), Name. Streams: a picture is read when its row is.</summary>
internal sealed class ImageSourceView : IDataView
{
    const int ImageIndex = 0;
    const int LabelIndex = 1;

    readonly ImageSource _source;

    public ImageSourceView(ImageSource source)
    {
        _source = source;
        var builder = new DataViewSchema.Builder();
        builder.AddColumn("Image", new VectorDataViewType(NumberDataViewType.Byte, source.Height, source.Width, source.Channels));
        var labels = new LabelValues(source.Classes, TextDataViewType.Instance);
        var annotations = new DataViewSchema.Annotations.Builder();
        labels.AddTo(annotations, AnnotationKinds.KeyValues);
        builder.AddColumn("Label", labels.KeyType, annotations.ToAnnotations());
        builder.AddColumn("Name", TextDataViewType.Instance);
        Schema = builder.ToSchema();
    }

    public DataViewSchema Schema { get; }

    public bool CanShuffle => true;

    public long? GetRowCount() => _source.Count;

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null)
    {
        int[] order = [.. Enumerable.Range(0, _source.Count)];
        rand?.Shuffle(order);
        return new Cursor(this, order, 0, [.. columnsNeeded.Select(c => c.Index)]);
    }

    /// <summary>Rows are dealt out by turns, so that whoever merges the cursors by their batches has the order of one.</summary>
    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null)
    {
        int[] order = [.. Enumerable.Range(0, _source.Count)];
        rand?.Shuffle(order);
        HashSet<int> active = [.. columnsNeeded.Select(c => c.Index)];
        var count = Math.Clamp(n, 1, Math.Max(1, order.Length));
        return [.. Enumerable.Range(0, count).Select(k => new Cursor(this, order, k, active, count))];
    }

    sealed class Cursor(ImageSourceView view, int[] order, int first, HashSet<int> active, int step = 1) : DataViewRowCursor
    {
        int _at = first - step;

        public override DataViewSchema Schema => view.Schema;

        public override long Position => _at < first ? -1 : (_at - first) / step;

        public override long Batch => step == 1 ? 0 : _at;

        int Row => order[_at];

        public override bool MoveNext()
        {
            if (_at < order.Length)
                _at += step;
            return _at < order.Length;
        }

        public override bool IsColumnActive(DataViewSchema.Column column) => active.Contains(column.Index);

        public override ValueGetter<DataViewRowId> GetIdGetter() => (ref DataViewRowId value) => value = new((ulong)Row, 0);

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
        {
            if (!IsColumnActive(column))
                throw new ArgumentOutOfRangeException(nameof(column), $"The column '{column.Name}' is not active.");
            Delegate getter = column.Index switch
            {
                ImageIndex => (ValueGetter<VBuffer<byte>>)Image,
                LabelIndex => (ValueGetter<uint>)((ref uint value) => value = (uint)view._source.Label(Row) + 1),
                _ => (ValueGetter<ReadOnlyMemory<char>>)((ref ReadOnlyMemory<char> value) => value = view._source.Name(Row).AsMemory()),
            };
            return (ValueGetter<TValue>)getter;
        }

        void Image(ref VBuffer<byte> value)
        {
            var editor = VBufferEditor.Create(ref value, view._source.ImageLength);
            view._source.CopyPixels(Row, editor.Values);
            value = editor.Commit();
        }
    }
}
