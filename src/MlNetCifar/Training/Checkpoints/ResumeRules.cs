using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text.Json;
using MlNetCifar.Nn;

namespace MlNetCifar.Training;

/// <summary>What must be as it was for a run to go on, and what is recorded to tell.</summary>
internal static class ResumeRules
{
    /// <summary>Options that do not change what a step computes, apart from its place in the schedule.</summary>
    static readonly HashSet<string> s_free = ["epochs", "time_budget", "patience", "minimum_delta", "threads"];

    public static string Describe(NetworkSpec network)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
            NetworkJson.Write(json, network);
        return System.Text.Encoding.UTF8.GetString(buffer.ToArray());
    }

    public static DataStamp Stamp(ImageSource train, ImageSource? validation, Normalization normalization) => new(
        train.Count, train.Height, train.Width, train.Channels, train.Classes, LabelHash(train), normalization.Mean, normalization.Std,
        validation?.Count ?? 0, validation is null ? null : LabelHash(validation), normalization.MeanImageText);

    /// <summary>
    /// Compares a checkpoint with the run that wants to go on from it: what they mean, not their texts, so that a run goes on under a version with
    /// more layers' properties and options.
    /// </summary>
    /// <exception cref="MlNetCifarException">Network (MNC3017), options (MNC3011), images (MNC3012), starting point (MNC3025) or teacher (MNC3029) differ, or a property is unknown (MNC1101).</exception>
    public static void Check(CheckpointHeader then, CheckpointHeader now, string path)
    {
        if (Describe(Begun(then.ReadNetwork(path))) != Describe(Begun(now.ReadNetwork(path))))
            throw TrainingErrors.NetworkChanged(path);
        var changes = Changes(then.ReadOptions(path), now.Options).ToArray();
        if (changes.Length > 0)
            throw TrainingErrors.OptionsChanged(changes, path);
        if (then.Start != now.Start)
            throw TrainingErrors.StartChanged(then.Start, now.Start, path);
        if (then.Teacher != now.Teacher)
            throw TrainingErrors.TeacherChanged(then.Teacher, now.Teacher, path);
        changes = [.. Changes(then.Data, now.Data)];
        if (changes.Length > 0)
            throw TrainingErrors.DataChanged(changes, path);
    }

    /// <summary>Says where a run goes on, and by which schedule: progress is (steps done) / (steps of the epochs asked for now), also where that was another number before.</summary>
    public static string Note(TrainingRun run, CheckpointHeader header, string path)
    {
        var (options, state) = (run.Options, header.State);
        var epochs = header.ReadOptions(path).Epochs;
        var place = FormattableString.Invariant($"Going on from step {state.Step:N0} (epoch {state.Epoch + 1}, {state.StepInEpoch:N0} of {run.StepsPerEpoch:N0} steps done).");
        var schedule = $"Schedule: {options.Schedule}";
        if (options.TimeBudget is { } budget)
            return FormattableString.Invariant($"{place} {schedule} over {budget.TotalMinutes:G4} minutes, of which {state.ElapsedSeconds / 60:G4} are spent.");
        if (epochs == options.Epochs)
            return FormattableString.Invariant($"{place} {schedule} over {epochs} epochs, as before.");
        var progress = Math.Min(1, state.Step / ((double)options.Epochs * run.StepsPerEpoch));
        var next = options.LearningRate * Schedules.Create(options)(progress);
        return FormattableString.Invariant(
            $"{place} {schedule} over {options.Epochs} epochs instead of {epochs}: from here on the rates are those of a run of {options.Epochs} epochs, {progress:P0} of which are done; the next rate is {next:G4}, the last was {state.LearningRate:G4}.");
    }

    /// <summary>A network without its first values, which no longer matter once a run has begun: presets begin otherwise than they did.</summary>
    static NetworkSpec Begun(NetworkSpec network) => network with { Layers = Begun(network.Layers) };

    static ImmutableArray<LayerSpec> Begun(ImmutableArray<LayerSpec> layers) =>
    [
        .. layers.Select(layer => layer switch
        {
            Conv2d conv => conv with { Initializer = Initializer.Zeros, BiasInitializer = Initializer.Zeros },
            Linear linear => linear with { Initializer = Initializer.Zeros },
            _ => layer.WithPaths([.. layer.Paths.Select(path => Begun(path.Layers))]),
        }),
    ];

    static List<string> Changes(TrainingOptions then, string now)
    {
        using var before = JsonDocument.Parse(then.ToJson());
        using var after = JsonDocument.Parse(now);
        var changes = new List<string>();
        foreach (var option in after.RootElement.EnumerateObject().Where(o => !s_free.Contains(o.Name)))
        {
            var old = before.RootElement.GetProperty(option.Name);
            if (!JsonElement.DeepEquals(old, option.Value))
                changes.Add($"{option.Name} was {old.GetRawText()} and is {option.Value.GetRawText()} now");
        }

        return changes;
    }

    static IEnumerable<string> Changes(DataStamp then, DataStamp now)
    {
        if (then.Count != now.Count)
            yield return FormattableString.Invariant($"{then.Count:N0} training images then, {now.Count:N0} now");
        else if (!then.Classes.SequenceEqual(now.Classes))
            yield return $"the classes {string.Join(", ", then.Classes)} then, {string.Join(", ", now.Classes)} now";
        else if (then.LabelsSha256 != now.LabelsSha256)
            yield return "the training labels or their order differ";
        else if (!then.Mean.SequenceEqual(now.Mean) || !then.Std.SequenceEqual(now.Std) || then.MeanImage != now.MeanImage)
            yield return "the pixels of the training images differ";
        if (then.ValidationCount != now.ValidationCount)
            yield return FormattableString.Invariant($"{then.ValidationCount:N0} validation images then, {now.ValidationCount:N0} now");
        else if (then.ValidationLabelsSha256 != now.ValidationLabelsSha256)
            yield return "the validation labels or their order differ";
    }

    static string LabelHash(ImageSource source)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var block = new byte[4 * 1024];
        for (var start = 0; start < source.Count; start += 1024)
        {
            var count = Math.Min(1024, source.Count - start);
            for (var i = 0; i < count; i++)
                BinaryPrimitives.WriteInt32LittleEndian(block.AsSpan(4 * i), source.Label(start + i));
            hash.AppendData(block, 0, 4 * count);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
