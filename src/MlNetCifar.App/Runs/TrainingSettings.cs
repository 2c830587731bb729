using MlNetCifar.App.Cli;
using MlNetCifar.Training;

namespace MlNetCifar.App.Runs;

/// <summary>One property of the training options as a setting of the command line.</summary>
/// <param name="Setting">Name, help and reader.</param>
/// <param name="Write">Puts a value into the options.</param>
/// <param name="Read">Takes the value from the options.</param>
internal sealed record TrainingSetting(Setting Setting, Func<TrainingOptions, object?, TrainingOptions> Write, Func<TrainingOptions, object?> Read);

/// <summary>The one table behind options, variables, configuration files and args.json: every property of <see cref="TrainingOptions"/>.</summary>
internal static class TrainingSettings
{
    const string Training = "Training";
    const string Pictures = "Augmentation";

    /// <summary>What help shows; other presets have recipes of their own.</summary>
    static readonly TrainingOptions s_defaults = Recipes.For("seed-cnn");

    /// <summary>A preset of the augmentation; single choices go on top of it.</summary>
    public static Setting<string?> Augment { get; } =
        Settings.Text("augment", "NAME", "Random changes to training images: none or standard (flips and shifts) [as the preset]", group: Pictures);

    public static IReadOnlyList<TrainingSetting> All { get; } =
    [
        Of("epochs", "N", "Passes over the training images", Texts.Int, o => o.Epochs, (o, v) => o with { Epochs = v }),
        Of("batch-size", "N", "Images a step", Texts.Int, o => o.BatchSize, (o, v) => o with { BatchSize = v }),
        Of("optimizer", "NAME", $"Update rule: {Texts.Choices<OptimizerKind>()}", Texts.Choice<OptimizerKind>, o => o.Optimizer, (o, v) => o with { Optimizer = v }),
        Of("learning-rate", "RATE", "Largest learning rate of the schedule", Texts.Number, o => o.LearningRate, (o, v) => o with { LearningRate = v }),
        Of("schedule", "NAME", $"How the rate changes: {Texts.Choices<ScheduleKind>()}", Texts.Choice<ScheduleKind>, o => o.Schedule, (o, v) => o with { Schedule = v }),
        Of("warmup", "SHARE", "Share of the run in which the rate rises", Texts.NumberOrNone, o => o.Warmup, (o, v) => o with { Warmup = v }),
        Of("step-factor", "F", "Factor of the step schedule after each third of the run", Texts.Number, o => o.StepFactor, (o, v) => o with { StepFactor = v }),
        Of("bias-learning-rate", "RATE", "Learning rate of biases with muon", Texts.NumberOrNone, o => o.BiasLearningRate, (o, v) => o with { BiasLearningRate = v }),
        Of("head-learning-rate", "RATE", "Learning rate of matrices with muon", Texts.NumberOrNone, o => o.HeadLearningRate, (o, v) => o with { HeadLearningRate = v }),
        Of("muon-momentum", "M", "Momentum of filters with muon", Texts.Number, o => o.MuonMomentum, (o, v) => o with { MuonMomentum = v }),
        Of("frozen-bias-share", "SHARE", "Share of the run after which the biases of frozen filters stay as they are", Texts.Number, o => o.FrozenBiasShare, (o, v) => o with { FrozenBiasShare = v }),
        Of("momentum", "M", "Momentum of sgd", Texts.Number, o => o.Momentum, (o, v) => o with { Momentum = v }),
        Of("nesterov", "BOOL", "Whether sgd looks ahead", Texts.Bool, o => o.Nesterov, (o, v) => o with { Nesterov = v }),
        Of("beta1", "B", "First moment decay of adam and adamw", Texts.Number, o => o.Beta1, (o, v) => o with { Beta1 = v }),
        Of("beta2", "B", "Second moment decay of adam and adamw", Texts.Number, o => o.Beta2, (o, v) => o with { Beta2 = v }),
        Of("epsilon", "E", "Added to adam's denominator", Texts.Number, o => o.Epsilon, (o, v) => o with { Epsilon = v }),
        Of("weight-decay", "D", "Decay of filters and matrices", Texts.Number, o => o.WeightDecay, (o, v) => o with { WeightDecay = v }),
        Of("gradient-clip-norm", "NORM", "Largest norm of the gradients", Texts.NumberOrNone, o => o.GradientClipNorm, (o, v) => o with { GradientClipNorm = v }),
        Of("ema-decay", "D", "Decay of a moving average of the weights, which is then validated and kept", Texts.NumberOrNone, o => o.EmaDecay, (o, v) => o with { EmaDecay = v }),
        Of("label-smoothing", "S", "Share of each label spread over all classes", Texts.Number, o => o.LabelSmoothing, (o, v) => o with { LabelSmoothing = v }),
        Of("class-weights", "NAME", $"How classes of different size are weighed: {Texts.Choices<ClassWeighting>()}", Texts.Choice<ClassWeighting>, o => o.ClassWeights, (o, v) => o with { ClassWeights = v }),
        Of("patience", "N", "Epochs without a better validation accuracy after which training stops", Texts.IntOrNone, o => o.Patience, (o, v) => o with { Patience = v }),
        Of("minimum-delta", "D", "Gain of validation accuracy that counts for --patience", t => (double)Texts.Number(t), o => o.MinimumDelta, (o, v) => o with { MinimumDelta = v }),
        Of("time-budget", "TIME", "End after this time, the schedule with it: 90s, 15m, 1h30m; --epochs is then ignored", Texts.Duration, o => o.TimeBudget, (o, v) => o with { TimeBudget = v }),
        Of("overfit-batches", "N", "Train on the first N batches only, to see whether the network can learn them by heart", Texts.IntOrNone, o => o.OverfitBatches, (o, v) => o with { OverfitBatches = v }),
        Of("shuffle-window", "N", "Images shuffled together where shards are larger than memory; 0 for all", Texts.Int, o => o.ShuffleWindow, (o, v) => o with { ShuffleWindow = v }),
        Of("seed", "N", "Decides splits, weights, order, augmentation and dropout", Texts.Seed, o => o.Seed, (o, v) => o with { Seed = v }),
        Of("threads", "N", "Threads; the result does not depend on it", Texts.IntOrNone, o => o.Threads, (o, v) => o with { Threads = v }, "all cores"),
        Change("flip", "NAME", $"Mirroring: {Texts.Choices<FlipMode>()}", Texts.Choice<FlipMode>, a => a.Flip, (a, v) => a with { Flip = v }),
        Change("shift", "PIXELS", "Largest shift in each direction", Texts.Int, a => a.Shift, (a, v) => a with { Shift = v }),
        Change("padding", "NAME", $"What fills the gap of a shift or rotation: {Texts.Choices<EdgePadding>()}", Texts.Choice<EdgePadding>, a => a.Padding, (a, v) => a with { Padding = v }),
        Change("rotation", "DEGREES", "Largest rotation to either side", Texts.Number, a => a.Rotation, (a, v) => a with { Rotation = v }),
        Change("cutout", "PIXELS", "Side of a square that is blanked", Texts.Int, a => a.Cutout, (a, v) => a with { Cutout = v }),
        Change("brightness", "SHARE", "Largest change of brightness", Texts.Number, a => a.Brightness, (a, v) => a with { Brightness = v }),
        Change("contrast", "SHARE", "Largest change of contrast", Texts.Number, a => a.Contrast, (a, v) => a with { Contrast = v }),
    ];

    /// <summary>All of them as settings.</summary>
    public static IEnumerable<Setting> Everything => All.Where(t => t.Setting.Group == Training).Select(t => t.Setting).Append(Augment).Concat(All.Where(t => t.Setting.Group == Pictures).Select(t => t.Setting));

    /// <summary>A setting by name.</summary>
    public static Setting<T> Find<T>(string name) => (Setting<T>)All.Single(t => t.Setting.Name == name).Setting;

    /// <summary>The options a call asks for.</summary>
    /// <param name="values">The call's settings.</param>
    /// <param name="start">What holds where nothing is given.</param>
    /// <param name="side">The pictures' smaller side.</param>
    /// <exception cref="MlNetCifarException">A value is out of range (MNC3001, MNC9012).</exception>
    public static TrainingOptions Options(SettingValues values, TrainingOptions start, int side)
    {
        var options = start;
        if (values.Get(Augment) is { } preset)
            options = options with { Augmentation = Augmentation.Preset(preset, side) };
        foreach (var setting in All.Where(t => values.IsGiven(t.Setting)))
            options = setting.Write(options, values.Given(setting.Setting));
        Checked(options.Validate);
        return options;
    }

    /// <summary>Runs a check whose faults are the user's.</summary>
    public static void Checked(Action check)
    {
        try
        {
            check();
        }
        catch (ArgumentException e)
        {
            throw CliErrors.Argument(e.Message, e);
        }
    }

    static TrainingSetting Of<T>(
        string name, string valueName, string help, Func<string, T> parse, Func<TrainingOptions, T> read, Func<TrainingOptions, T, TrainingOptions> write, string? defaultText = null)
    {
        var fallback = read(s_defaults);
        return new(Settings.Of(name, valueName, help, parse, fallback, Training, defaultText), (o, v) => write(o, (T)v!), o => read(o));
    }

    static TrainingSetting Change<T>(
        string name, string valueName, string help, Func<string, T> parse, Func<Augmentation, T> read, Func<Augmentation, T, Augmentation> write)
        where T : struct
        => new(
            new Setting<T>(name, help, parse, read(Augmentation.None)) { ValueName = valueName, Group = Pictures, DefaultText = "as --augment" },
            (o, v) => o with { Augmentation = write(o.Augmentation, (T)v!) }, o => read(o.Augmentation));
}
