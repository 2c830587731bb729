using System.Collections.Immutable;
using System.Globalization;
using MlNetCifar.Data;
using MlNetCifar.Experiments;

namespace MlNetCifar.Tuning;

/// <summary>
/// What an <see cref="AutoExperiment"/> searches, and what a trial's values mean as options of <c>train</c>: a rate and epochs are multiples of what the recipe has, so that those of networks that are
/// trained in other ways can be told apart from their networks.
/// </summary>
internal sealed class AutoSpace
{
    /// <summary>Networks for small pictures, each of another kind: what <c>auto</c> takes, then the others by what their recipes take.</summary>
    public static readonly ImmutableArray<string> Presets = ["seed-cnn", "airbench94", "advanced-cnn", "resnet9", "airbench96"];

    const string Rate = "rate-factor";
    const string Length = "epochs-factor";
    const string Changes = "changes";
    const string AsRecipe = "recipe";
    const string MostRate = "4";
    const long MostBytes = 1L << 30;

    readonly ExperimentOptions _options;
    readonly AutoPlan _plan;
    readonly ImmutableArray<ImageSize> _sizes;
    readonly ImmutableArray<SearchParameter> _parameters;

    /// <summary>Makes the space.</summary>
    /// <param name="options">What was chosen by the pictures: a backbone, or none.</param>
    /// <param name="plan">What there is time for.</param>
    /// <param name="dataset">The data in the usual size.</param>
    /// <param name="isRead">Whether they were read from files, which have other sizes to give.</param>
    public AutoSpace(ExperimentOptions options, AutoPlan plan, ImageDataset dataset, bool isRead)
    {
        (_options, _plan) = (options, plan);
        var usual = new ImageSize(dataset.Train.Width, dataset.Train.Height);
        _sizes = isRead && LargerSize(options, plan, dataset, usual) is { } larger ? [usual, larger] : [usual];
        var choices = new List<SearchParameter?>
        {
            Choice(Network, plan.Candidates.Select(candidate => candidate.Name)),
            IsHead && plan.Candidates.Length == 1 ? null : SearchParameter.Number(Rate, 1 / Number(MostRate), Number(MostRate), logarithmic: true),
            IsHead ? null : SearchParameter.Choice(Changes, AsRecipe, "none", TrivialAugment),
            Choice(Length, plan.Longer.Select(times => OptionText.Of(times))),
            Choice(Size.Name, _sizes.Select(size => OptionText.Of(size))),
        };
        _parameters = [.. choices.OfType<SearchParameter>()];
    }

    /// <summary>Parameters whose values make curves that cannot be compared epoch by epoch.</summary>
    public IReadOnlyList<string> Apart => [.. _parameters.Select(parameter => parameter.Name).Where(name => name == Network || name == Length)];

    /// <summary>What is searched; null where there is nothing to choose from.</summary>
    public SearchSpace? Space => _parameters.IsEmpty ? null : new(_parameters);

    /// <summary>What is tried first: the usual configuration, then each of the other candidates as its recipe is.</summary>
    public IEnumerable<IEnumerable<KeyValuePair<string, string>>> Start => _plan.Candidates.Select(candidate => _parameters.Select(parameter => KeyValuePair.Create(
        parameter.Name, parameter.Name == Network ? candidate.Name : parameter.IsChoice ? parameter.Choices[0] : "1")));

    const string TrivialAugment = "trivial-augment";

    bool IsHead => _options.Backbone is not null;

    string Network => (IsHead ? (OptionDescription)ExperimentTable.FineTune : ExperimentTable.Preset).Name;

    OptionDescription Size => IsHead ? ExperimentTable.BackboneSize : ExperimentTable.Size;

    /// <summary>The options of <c>train</c> that a trial's values stand for.</summary>
    /// <param name="values">Of the trial.</param>
    /// <param name="epochs">In place of the trial's; null for these.</param>
    public IReadOnlyList<KeyValuePair<string, string>> Meaning(IReadOnlyList<KeyValuePair<string, string>> values, int? epochs = null)
    {
        var (network, size) = (Value(values, Network, _plan.Candidates[0].Name), Value(values, Size.Name, OptionText.Of(_sizes[0])));
        List<KeyValuePair<string, string>> meaning = [new(Network, network)];
        if (IsHead)
            meaning.Insert(0, new(ExperimentTable.Backbone.Name, _options.Backbone!));
        if (size != OptionText.Of(_sizes[0]))
            meaning.Add(new(Size.Name, size));
        if (IsFrozen(network))
            return meaning;
        var recipe = Apply(_options, meaning).TrainingFor(Math.Min(OptionText.Size(size).Width, OptionText.Size(size).Height));
        meaning.Add(new("epochs", OptionText.Of(epochs ?? TrialEpochs(values))));
        if (Number(Value(values, Rate, "1")) is not 1 and var factor)
            meaning.Add(new("learning-rate", (recipe.LearningRate * factor).ToString("G4", CultureInfo.InvariantCulture)));
        return Value(values, Changes, AsRecipe) switch
        {
            AsRecipe => meaning,
            TrivialAugment => [.. meaning, new(TrivialAugment, "true")],
            var preset => [.. meaning, new(ExperimentTable.Augment.Name, preset)],
        };
    }

    /// <summary>Epochs of a whole training with a trial's values.</summary>
    public int Epochs(IReadOnlyList<KeyValuePair<string, string>> values)
    {
        var size = OptionText.Size(Value(values, Size.Name, OptionText.Of(_sizes[0])));
        return _plan.Epochs(Value(values, Network, _plan.Candidates[0].Name), (int)Number(Value(values, Length, "1")), Pixels(size, _sizes[0]));
    }

    /// <summary>Epochs of a trial with these values; 1 for a frozen backbone.</summary>
    public int TrialEpochs(IReadOnlyList<KeyValuePair<string, string>> values) => _plan.TrialEpochs(Epochs(values));

    /// <summary>Options with others put on top.</summary>
    public static ExperimentOptions Apply(ExperimentOptions options, IReadOnlyList<KeyValuePair<string, string>> meaning) =>
        TunableOptions.Apply(options, meaning, name => ExperimentTable.All.Descriptions.Concat(TrainingTable.All.Descriptions).First(option => option.Name == name));

    bool IsFrozen(string network) => IsHead && network == OptionText.Of(FineTuning.None);

    /// <summary>A size that shows more of the pictures than the usual one, where they have it, nobody asked for one, and memory and time suffice.</summary>
    static ImageSize? LargerSize(ExperimentOptions options, AutoPlan plan, ImageDataset dataset, ImageSize usual)
    {
        if (dataset.PictureSize is not { } pictures || options.Preprocess is not null || options.BackboneSize is not null)
            return null;
        int[] sides = options.Backbone is null ? [64, 48] : [usual.Width / 7 * 9];
        foreach (var side in sides.Where(side => side > usual.Width && side <= Math.Min(pictures.Width, pictures.Height)))
        {
            var larger = new ImageSize(side, side);
            var bytes = options.Backbone is null ? 3L * side * side * dataset.Splits.Values.Sum(split => (long)split.Count) : 0;
            if (bytes <= MostBytes && Pixels(larger, usual) * plan.Candidates[0].Seconds <= plan.FinalSeconds)
                return larger;
        }

        return null;
    }

    static double Pixels(ImageSize size, ImageSize of) => (double)size.Width * size.Height / ((double)of.Width * of.Height);

    static SearchParameter? Choice(string name, IEnumerable<string> values) => values.ToImmutableArray() is { Length: > 1 } choices ? SearchParameter.Choice(name, choices) : null;

    static string Value(IReadOnlyList<KeyValuePair<string, string>> values, string name, string missing) => values.FirstOrDefault(pair => pair.Key == name).Value ?? missing;

    static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
