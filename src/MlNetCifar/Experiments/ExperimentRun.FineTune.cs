using MlNetCifar.Data;
using MlNetCifar.Training;
using MlNetCifar.Transfer;

namespace MlNetCifar.Experiments;

// A backbone that is trained further once it has a head: how deep, as far as the time goes, and how much of what was learnt is kept.
internal sealed partial class ExperimentRun
{
    /// <summary>Epochs that training the last stage further is worth, at least, and all stages.</summary>
    const int LeastEpochs = 2;

    const int EpochsOfAll = 6;

    /// <summary>A forward pass as a share of a training step.</summary>
    const double ForwardShare = 0.5;

    /// <summary>Pixels of a slice where a backbone is trained further: eight pictures of 224×224, whose activations take some 280 MiB in a ResNet-18.</summary>
    const int SlicePixels = 8 * 224 * 224;

    /// <summary>How the backbone is trained further; null where it is not.</summary>
    TrainingOptions? ChooseDepth(ImageDataset dataset, TransferResult result, TrainingOptions training)
    {
        var network = result.Weights.Spec;
        if (_options.FineTune == FineTuning.None || (_options.FineTune == FineTuning.Auto && (training.TimeBudget is null || !dataset.Has(DatasetSplit.Validation))))
            return null;

        // A run that goes on has its groups.
        if (training.Groups.Count > 0)
            return training;
        if (_options.FineTune != FineTuning.Auto && training.TimeBudget is null)
            return Deeper(_options.FineTune, training.Epochs);
        var left = Remaining(dataset, training);
        if (_options.FineTune != FineTuning.Auto)
            return Deeper(_options.FineTune, left / EpochSeconds(_options.FineTune));
        var last = EpochSeconds(FineTuning.LastStage);
        if (left < LeastEpochs * last)
        {
            _log.Say("fine-tune", $"none: an epoch of the last stage takes about {Time(last)}, and {Time(Math.Max(left, 0))} are left");
            return null;
        }

        var all = left < EpochsOfAll * last ? double.PositiveInfinity : EpochSeconds(FineTuning.All);
        return left < EpochsOfAll * all ? Deeper(FineTuning.LastStage, left / last) : Deeper(FineTuning.All, left / all);

        TrainingOptions Deeper(FineTuning depth, double epochs)
        {
            _options = _options with { FineTune = depth };
            _log.Say("fine-tune", FormattableString.Invariant(
                $"{OptionText.Of(depth)}, for {(training.TimeBudget is null ? "" : "about ")}{Math.Max(1, Math.Floor(epochs)):0} epochs; rate {training.LearningRate} at the head, half of it at each stage towards the stem"));
            // Under a budget the recipe's epochs were not asked for, and are not to be told to have no effect.
            if (training.TimeBudget is not null && training.Epochs == _options.Recipe(network.Height).Epochs)
                training = training with { Epochs = new TrainingOptions().Epochs };

            // Nor was the recipe's patience, where nothing is validated.
            if (!dataset.Has(DatasetSplit.Validation) && training.Patience == _options.Recipe(network.Height).Patience)
                training = training with { Patience = null };
            return training with { Slices = Slices(), Groups = FineTunePlan.Groups(network, depth, Math.Max(1, epochs), _options.FreezeStatistics) };
        }

        // Where statistics are frozen the slices of a batch change nothing but the memory it takes, and rounding.
        int Slices() => _options.FreezeStatistics && ChoosesSlices(training)
            ? (int)Math.Clamp((((long)training.BatchSize * network.Height * network.Width) + SlicePixels - 1) / SlicePixels, 1, Math.Max(1, training.BatchSize / 2))
            : training.Slices;

        double EpochSeconds(FineTuning depth) =>
            SecondsOfFurther(network, depth, training, _options.FreezeStatistics) * (dataset.Train.Count + ((dataset.Validation?.Count ?? 0) * ForwardShare));
    }

    /// <summary>Seconds of an image where a backbone is trained further: all stages of the depth at once, as in the longest epochs.</summary>
    internal static double SecondsOfFurther(NetworkSpec network, FineTuning depth, TrainingOptions training, bool freezeStatistics)
    {
        var groups = FineTunePlan.Groups(network, depth, 0, freezeStatistics);
        return NetworkBenchmark.SecondsOfStep(network, training with { Groups = [.. groups.Select(g => g.ThawAfterEpochs is null ? g : g with { Frozen = false, ThawAfterEpochs = null })] });
    }

    static string Time(double seconds) => OptionText.Of(Rounded(TimeSpan.FromSeconds(seconds)));

    /// <summary>Seconds that the budget leaves for training further.</summary>
    double Remaining(ImageDataset dataset, TrainingOptions training) =>
        (training.TimeBudget!.Value - TimeProvider.System.GetElapsedTime(_started) - s_reportTime).TotalSeconds
        - (dataset.Get(Judging(dataset)).Count / FeatureTime.PerSecond(_backbone!, training.Threads));

    /// <summary>Trains the backbone further.</summary>
    /// <returns>What was learnt; null where it does no better on the validation images than the frozen one.</returns>
    Trained? FineTune(RunFolder folder, ImageDataset dataset, TimeSpan elapsed, ImageClassifier frozen, TrainingOptions training)
    {
        if (training.TimeBudget is not null && Remaining(dataset, training) <= 0)
        {
            _log.Warn("the time budget is spent: the backbone stays frozen");
            return null;
        }

        Directory.CreateDirectory(folder.Weights);
        frozen.Save(folder.Best);
        if (_options.MemoryLimit is { } limit)
        {
            var plan = MemoryPlan.Fit(frozen.Network, training, dataset.Train, dataset.Validation, limit);
            training = plan.Options;
            _log.Say("memory", plan.Summary);
        }

        var start = new TrainingStart { Weights = frozen.Weights, Normalization = _backbone!.Normalization, Preprocess = _backbone.Preprocess, Name = _options.NetworkName };
        using var tuned = TryFit();
        if (tuned is null)
            return null;
        if (tuned.BestEpoch == 0)
        {
            _log.Say("fine-tune", "no epoch was finished: the backbone stays frozen");
            return null;
        }

        var trained = Trained.Of(tuned, _backbone.Preprocess, elapsed);
        var share = 1f;
        if (dataset.Validation is { } validation && ChooseMix(frozen, trained.Model, validation, training.Threads) is var mix)
        {
            if (mix.Share == 0)
            {
                trained.Model.Dispose();
                return null;
            }

            trained = trained with { Model = Mixed(frozen, trained.Model, share = mix.Share) };
        }

        return trained with
        {
            Settings =
            [
                .. OfBackbone(_backbone), new("fine-tune", OptionText.Of(_options.FineTune)), new("weights", FormattableString.Invariant($"{share:P0} of the way from the frozen ones to those trained further")),
                .. trained.Settings,
            ],
        };

        // At too high a rate the frozen backbone is still there.
        TrainingResult? TryFit()
        {
            try
            {
                return Fit(folder, dataset, frozen.Network, training, () => { }, start);
            }
            catch (MlNetCifarException e) when (e.Code == "MNC3002")
            {
                _log.Warn($"the backbone stays frozen: {e.Message}");
                return null;
            }
        }
    }

    /// <summary>How much of what was learnt further is taken: as much as does best on the validation images.</summary>
    MixFigures ChooseMix(ImageClassifier frozen, ImageClassifier tuned, ImageSource validation, int? threads)
    {
        var figures = new List<MixFigures> { WeightMix.Measure(0, frozen.Logits(validation, threads), validation) };
        foreach (var share in WeightMix.Shares)
        {
            using var model = tuned.WithWeights(WeightMix.Between(frozen.Weights, tuned.Weights, share));
            figures.Add(WeightMix.Measure(share, model.Logits(validation, threads, cancellation: CancellationToken.None), validation));
        }

        var best = WeightMix.Best(figures);
        foreach (var mix in figures)
            _log.Say(null, FormattableString.Invariant(
                $"{mix.Share,4:P0} of the way from the frozen weights to those trained further: validation accuracy {mix.Accuracy:0.0000}, calibrated loss {mix.Loss:0.0000}{(mix == best ? mix.Share == 0 ? ": the frozen backbone is kept" : ": kept" : "")}"));
        return best;
    }

    static ImageClassifier Mixed(ImageClassifier frozen, ImageClassifier tuned, float share)
    {
        using (tuned)
            return tuned.WithWeights(WeightMix.Between(frozen.Weights, tuned.Weights, share));
    }
}
