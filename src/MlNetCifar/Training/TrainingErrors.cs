namespace MlNetCifar.Training;

/// <summary>The faults of training runs (MNC30xx).</summary>
internal static class TrainingErrors
{
    public static MlNetCifarException Options(IEnumerable<string> faults) =>
        new("MNC3001", ErrorKind.Usage, $"The training options are wrong: {string.Join("; ", faults)}.");

    public static MlNetCifarException NotFinite(double loss, long step, string? layer, float rate) =>
        new(
            "MNC3002",
            ErrorKind.Failure,
            FormattableString.Invariant($"The loss became {loss} at step {step} (learning rate {rate:G3}); the first values that are not finite are in {layer ?? "the loss itself"}."),
            "Lower the learning rate, add a warm-up, or clip the gradients.");

    public static MlNetCifarException DataDoesNotFit(string found, string expected) =>
        new("MNC3003", ErrorKind.Usage, $"The data do not fit the network: found {found}; expected {expected}.", "Prepare the data with the network's input size, or build the network for these data.");

    public static MlNetCifarException OneClass(string name) =>
        new("MNC3004", ErrorKind.Data, $"All training images belong to one class ('{name}'); at least two are needed.", "Add images of another class.");

    public static MlNetCifarException Diverged() =>
        new("MNC3005", ErrorKind.Failure, "The learning-rate finder saw no falling loss.", "Check the labels, or start from a lower rate.");
}
