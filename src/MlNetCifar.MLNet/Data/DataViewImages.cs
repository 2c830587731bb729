using Microsoft.ML;
using Microsoft.ML.Runtime;
using MlNetCifar.Data;
using MlNetCifar.Imaging;

namespace MlNetCifar.MLNet;

/// <summary>
/// Rows of ML.NET as a data set of the library. The view is read once; pictures that came as bytes are kept on disk until this is disposed, and pictures are decoded when they are
/// asked for, so that memory holds none.
/// </summary>
public sealed class DataViewImages : IDisposable
{
    readonly SpillFile _spill = new(null);

    internal DataViewImages(IHostEnvironment environment, IDataView view, ImageNetworkOptions options)
    {
        using var channel = environment.Start("DataViewImages");
        try
        {
            var rows = new TrainingRows(options, _spill, channel, options.Cancellation);
            rows.Read(view, options.ValidationSet);
            var spec = options.ImageSize is { } size ? (options.Preprocess ?? new()) with { Width = size.Width, Height = size.Height } : options.Preprocess;
            Dataset = ImageDataset.Create(
                rows.Images, new() { Spec = spec ?? new PreprocessSpec(), DecodeOnDemand = true, OnBadImage = options.OnBadImage }, cancellation: options.Cancellation);
        }
        catch
        {
            _spill.Dispose();
            throw;
        }
    }

    /// <summary>The pictures: a training split, and a validation split where there was a set for it. Classes are the label's values in ordinal order.</summary>
    public ImageDataset Dataset { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dataset.Dispose();
        _spill.Dispose();
    }
}
