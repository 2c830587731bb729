using MlNetCifar.App.Cli;
using MlNetCifar.App.Runs;
using MlNetCifar.Imaging;
using MlNetCifar.Pretrained;

namespace MlNetCifar.App.Commands.Models;

/// <summary>The pictures that an exported file carries as its proof, and whose they are.</summary>
internal static class ProofPictures
{
    /// <summary>Without being asked for more, a file carries no more pixels than this.</summary>
    const int MostBytes = 1 << 20;

    public static OptionDescription<string?> Pictures { get; } = OptionDescription.Text(
        "proof", "FOLDER", "Pictures, or a folder of them, of which the file carries the first 16 with their outputs, for 'check'; without it those of --data, or of the data of the run",
        group: "Proof");

    public static OptionDescription<bool> None { get; } = OptionDescription.Flag("no-proof", "Write no pictures into the file", "Proof");

    /// <summary>All of them.</summary>
    public static IEnumerable<OptionDescription> Options => [Pictures, None, ExperimentTable.Data];

    /// <summary>Finds the pictures of a call, and says where they are from, or why there are none.</summary>
    /// <param name="call">The call.</param>
    /// <param name="path">The model's file or run folder.</param>
    /// <param name="model">The model.</param>
    /// <returns>Without pictures where none are to be had; null for those that the model carries.</returns>
    public static ImageSource? Find(Call call, string path, ImageClassifier model)
    {
        if (call.Get(None))
            return Nothing(model);
        if (call.Get(Pictures) is { } place)
            return OfFiles(call, place, model);
        var most = Math.Clamp(MostBytes / model.Preprocess.Length, 1, ModelProof.MostPictures);
        if (call.Get(ExperimentTable.Data) is { } data)
            return Said(call, OfData(call, data, model).Sample(most, seed: 0), data);
        try
        {
            if (OfRun(call, path, most) is not var (source, name))
                return null;
            if (source.Width == model.Network.Width && source.Height == model.Network.Height && source.Channels == model.Network.Channels)
                return Said(call, source, name);
            call.Terminal.Warn($"No proof is in the file: the pictures of {name} are no longer prepared as this model's were.");
        }
        catch (MlNetCifarException e)
        {
            call.Terminal.Warn($"No proof is in the file: {e.Code}: {e.Reason} (--data PATH, --proof FOLDER)");
        }

        return Nothing(model);
    }

    static ImageSource Said(Call call, ImageSource source, string name)
    {
        call.Terminal.Log($"proof    {source.Count} pictures of {name} go into the file (--no-proof leaves them out)");
        return source;
    }

    static ImageSet Nothing(ImageClassifier model) => new([], [], model.Network.Width, model.Network.Height, model.Network.Channels, model.Classes);

    static ImageSet OfFiles(Call call, string place, ImageClassifier model)
    {
        string[] files = [.. PictureFiles.Find(call, place).Take(ModelProof.MostPictures)];
        var (preprocessor, length) = (new Preprocessor(model.Preprocess), model.Preprocess.Length);
        var pixels = new byte[files.Length * length];
        for (var i = 0; i < files.Length; i++)
            preprocessor.Apply(PictureFiles.Read(call, files[i]), pixels.AsSpan(i * length, length), files[i]);
        return new ImageSet(pixels, new int[files.Length], model.Network.Width, model.Network.Height, model.Network.Channels, model.Classes);
    }

    static ImageSource OfData(Call call, string data, ImageClassifier model)
    {
        var storage = new HdfsStorage(call);
        var path = storage.Normalize(data);
        var options = new ImageDatasetOptions { Spec = model.Preprocess, Files = new() { Classes = model.Classes, Store = storage.StoreOf(path) } };
        var dataset = ImageDataset.Open(path, options, cancellation: call.Stop);
        return dataset.Validation ?? dataset.Test ?? dataset.Train;
    }

    /// <summary>The run's data, opened and cut as it did.</summary>
    static (ImageSource Source, string Name)? OfRun(Call call, string path, int most)
    {
        var folder = ModelChoice.RunOf(path);
        var record = Path.Combine(folder ?? "", "args.json");
        if (folder is null || !File.Exists(record))
        {
            call.Terminal.Log("proof    none: no data are known that the model was trained on (--data PATH, --proof FOLDER)");
            return null;
        }

        var values = OptionValues.Load(record, new TrainCommand().Options);
        var options = ExperimentOptions.From(values) with { Resume = null };
        var experiment = new Experiment(options) { Arguments = values, Storage = new HdfsStorage(call), Backbones = new PretrainedBackbones() };
        return (experiment.SamplePictures(most, call.Stop), $"{options.Data}");
    }
}
