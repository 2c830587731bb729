using Microsoft.ML;
using Microsoft.ML.Data;
using MlNetCifar.Explain;

namespace MlNetCifar.MLNet;

/// <summary>What was found out about one picture; only what was asked for is there.</summary>
internal sealed record Answer
{
    /// <summary>A probability for each value of the label.</summary>
    public float[] Scores { get; init; } = [];

    /// <summary>The most probable value, from 0.</summary>
    public int Best { get; init; }

    /// <summary>Numbers that describe the picture.</summary>
    public float[] Features { get; init; } = [];

    /// <summary>Whether the answer should be <c>unknown</c>.</summary>
    public bool IsUnknown { get; init; }

    /// <summary>The classes that hold the true one as often as promised.</summary>
    public string[] LabelSet { get; init; } = [];

    /// <summary>Where the network looked.</summary>
    public Heatmap? Map { get; init; }

    /// <summary>The picture as the network sees it, [H, W, C].</summary>
    public ReadOnlyMemory<byte> Pixels { get; init; }
}

/// <summary>A column that is computed of pictures.</summary>
/// <param name="Column">Name, type, annotations.</param>
/// <param name="Getter">Makes the getter of the current answer, which is null where the picture could not be read.</param>
internal sealed record OutputColumn(DataViewSchema.DetachedColumn Column, Func<Func<Answer?>, Delegate> Getter)
{
    /// <summary>Numbers.</summary>
    /// <param name="column">Of vectors of known size.</param>
    /// <param name="of">Picks them.</param>
    public static OutputColumn Vector(DataViewSchema.DetachedColumn column, Func<Answer, float[]> of)
    {
        float[] missing = [.. Enumerable.Repeat(float.NaN, ((VectorDataViewType)column.Type).Size)];
        return new(column, current => (ValueGetter<VBuffer<float>>)((ref VBuffer<float> value) =>
        {
            var numbers = current() is { } answer ? of(answer) : missing;
            var editor = VBufferEditor.Create(ref value, numbers.Length);
            numbers.CopyTo(editor.Values);
            value = editor.Commit();
        }));
    }

    /// <summary>A value of the label.</summary>
    /// <param name="column">Of keys.</param>
    public static OutputColumn Key(DataViewSchema.DetachedColumn column) =>
        new(column, current => (ValueGetter<uint>)((ref uint value) => value = current() is { } answer ? (uint)answer.Best + 1 : 0));

    /// <summary>Whether the answer should be <c>unknown</c>; so is that of a picture that cannot be read.</summary>
    /// <param name="name">Of the column.</param>
    public static OutputColumn Unknown(string name) =>
        new(new(name, BooleanDataViewType.Instance), current => (ValueGetter<bool>)((ref bool value) => value = current()?.IsUnknown ?? true));

    /// <summary>Names of classes.</summary>
    /// <param name="name">Of the column.</param>
    public static OutputColumn Set(string name) => new(new(name, new VectorDataViewType(TextDataViewType.Instance)), current => (ValueGetter<VBuffer<ReadOnlyMemory<char>>>)(
        (ref VBuffer<ReadOnlyMemory<char>> value) =>
        {
            var names = current()?.LabelSet ?? [];
            value = new(names.Length, [.. names.Select(n => n.AsMemory())]);
        }));
}
