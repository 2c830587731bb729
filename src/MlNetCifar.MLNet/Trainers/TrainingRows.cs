using Microsoft.ML;
using Microsoft.ML.Runtime;
using MlNetCifar.Data;

namespace MlNetCifar.MLNet;

/// <summary>The rows of views as images of a data set. Each view is read once, in its order.</summary>
internal sealed class TrainingRows(ImageNetworkOptions options, SpillFile spill, IChannel channel, CancellationToken cancellation)
{
    readonly List<LabelledImage> _images = [];

    /// <summary>The images; their names sort as the rows do.</summary>
    public IReadOnlyList<LabelledImage> Images => _images;

    /// <summary>Reads the views.</summary>
    /// <param name="train">Rows to train on.</param>
    /// <param name="validation">Rows to validate with; null for none.</param>
    /// <returns>The values of the label.</returns>
    public LabelValues Read(IDataView train, IDataView? validation)
    {
        var keys = Add(train, DatasetSplit.Train, null);
        string[] classes = [.. _images.Select(image => image.Label).Distinct().Order(StringComparer.Ordinal)];
        if (classes.Length == 0)
            throw MLNetErrors.NoRows(options.LabelColumnName);
        if (classes.Length == 1)
            throw MLNetErrors.OneClass(options.LabelColumnName, classes[0]);
        if (validation is not null)
            Add(validation, DatasetSplit.Validation, [.. classes]);
        return keys ?? new(classes, Microsoft.ML.Data.TextDataViewType.Instance);
    }

    LabelValues? Add(IDataView view, DatasetSplit split, HashSet<string>? known)
    {
        var (pictures, labels) = (PictureColumn.Find(view.Schema, options.Input), LabelColumn.Find(view.Schema, options.LabelColumnName));
        using var cursor = view.GetRowCursor([pictures.Column, labels.Column]);
        var (picture, label) = (pictures.ReaderOf(cursor), labels.ReaderOf(cursor));
        var unlabelled = 0L;
        while (cursor.MoveNext())
        {
            cancellation.ThrowIfCancellationRequested();
            if (label() is not { } name)
            {
                unlabelled++;
                continue;
            }

            if (known is not null && !known.Contains(name))
                throw MLNetErrors.UnknownLabel(options.LabelColumnName, cursor.Position, name);
            var row = picture();
            var path = row is Picture.InFile file ? $" {file.Path}" : "";
            _images.Add(new(FormattableString.Invariant($"{(split == DatasetSplit.Train ? "" : "validation ")}row {cursor.Position:D10}{path}"), name, row.Keep(spill), split));
        }

        if (unlabelled > 0)
            channel.Warning(MessageSensitivity.Schema, FormattableString.Invariant($"{unlabelled:N0} rows without a label in column '{options.LabelColumnName}' are left out."));
        return labels.Keys;
    }
}
