using Microsoft.ML;
using Microsoft.ML.Data;

namespace MlNetCifar.MLNet;

/// <summary>The labels and probabilities of a view that a model has scored.</summary>
/// <param name="Classes">Names, in the order of the scores.</param>
/// <param name="Labels">Index of each row's class.</param>
/// <param name="Scores">[N, C].</param>
internal sealed record ScoredColumns(IReadOnlyList<string> Classes, int[] Labels, float[] Scores)
{
    const string Expected = "a vector of two or more singles of known size";

    /// <summary>Reads them; rows without a label are left out, as ML.NET's evaluators do.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A column is not there or of another type.</exception>
    /// <exception cref="MlNetCifarException">A label is none of the classes (MNC7003).</exception>
    public static ScoredColumns Read(IDataView scored, string labelColumn, string scoreColumn)
    {
        var label = LabelColumn.Find(scored.Schema, labelColumn);
        var score = scored.Schema.GetColumnOrNull(scoreColumn) ?? throw MLNetErrors.NoColumn("score", scoreColumn, scored.Schema.Select(c => c.Name), "scoreColumnName");
        if (score.Type is not VectorDataViewType { IsKnownSize: true, Size: >= 2 } type || type.ItemType != NumberDataViewType.Single)
            throw MLNetErrors.OtherType("score", scoreColumn, Expected, score.Type.ToString()!, "Evaluate the output of a multiclass model.");
        var classes = Names(score, type.Size) ?? (label.Keys is { } keys && keys.Names.Count == type.Size ? keys.Names : throw MLNetErrors.NoNames(scoreColumn));
        var indices = classes.Index().ToDictionary(pair => pair.Item, pair => pair.Index, StringComparer.Ordinal);
        var (labels, scores) = (new List<int>(), new List<float>());
        using var cursor = scored.GetRowCursor([label.Column, score]);
        var (name, getter) = (label.ReaderOf(cursor), cursor.GetGetter<VBuffer<float>>(cursor.Schema[score.Index]));
        VBuffer<float> row = default;
        while (cursor.MoveNext())
        {
            if (name() is not { } found)
                continue;
            labels.Add(indices.TryGetValue(found, out var index) ? index : throw MLNetErrors.UnknownLabel(labelColumn, cursor.Position, found, "the scored rows"));
            getter(ref row);
            scores.AddRange(row.DenseValues());
        }

        return new(classes, [.. labels], [.. scores]);
    }

    static string[]? Names(DataViewSchema.Column column, int count)
    {
        if (!column.HasSlotNames())
            return null;
        VBuffer<ReadOnlyMemory<char>> names = default;
        column.GetSlotNames(ref names);
        string[] found = [.. names.DenseValues().Select(name => name.ToString())];
        return found.Length == count && found.Distinct(StringComparer.Ordinal).Count() == count ? found : null;
    }
}
