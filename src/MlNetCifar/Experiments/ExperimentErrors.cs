namespace MlNetCifar.Experiments;

/// <summary>The faults of runs (MNC90xx, which they share with the command line).</summary>
internal static class ExperimentErrors
{
    public static MlNetCifarException NoData() => new("MNC9004", ErrorKind.Usage, "There are no data.", "Give a path, or an open data set.");

    public static MlNetCifarException NoModel() => new("MNC9006", ErrorKind.Usage, "There is no model.", "Give a model file, or the folder of a run.");

    public static MlNetCifarException NoWeights(string path, string? inside) => new(
        "MNC9007", ErrorKind.Data, "There is no model file here.", $"Give a .safetensors file, or a run folder with weights/best.safetensors{(inside is null ? "" : $", as {inside} is one")}.", path);

    public static MlNetCifarException RunOf(string made, string verb, string path) => new(
        "MNC9013", ErrorKind.Data, $"This is a run of '{made}', which '{verb}' cannot go on with.",
        made == "evaluate" ? "Give the folder of a training run." : $"Go on with it by '{made} --resume', or name a training in it.", path);

    public static MlNetCifarException NoRun(string path) =>
        new("MNC9013", ErrorKind.Data, "There is no run to go on with here.", "Give the folder of a training run, for example runs/train/<name>.", path);

    public static MlNetCifarException Name(string what, string name) => OptionErrors.Value(what, name, "the name of a folder");

    public static MlNetCifarException Augmentation(IEnumerable<string> faults) =>
        new("MNC9012", ErrorKind.Usage, $"Augmentation: {string.Join("; ", faults)}.", "Correct the options.");

    public static MlNetCifarException NoRate(string backbone) => new(
        "MNC9021", ErrorKind.Usage, $"A head on the frozen backbone '{backbone}' has no learning rate to search for.", "Choose a network to train from scratch with --preset.");

    public static MlNetCifarException AllSeen(string name, int count, string seen) => new(
        "MNC9020", ErrorKind.Data, FormattableString.Invariant($"Of the {count:N0} images of '{name}' the model was {seen}; none is left that would say something about new images."),
        "Give images that it has not seen. Where these are meant, choose the split by name: --subset train.");

    public static MlNetCifarException NotShards(string path) => new(
        "MNC9023", ErrorKind.Usage, "Several machines score shards, and these data are none.", "Make shards of them with 'prepare', or leave out --master.", path);

    public static MlNetCifarException MissingScores(int found, int expected) => new(
        "MNC9024", ErrorKind.Failure, FormattableString.Invariant($"Scores of {found:N0} images came back, expected {expected:N0}."), "Look into the executors' logs, and start again.");

    public static MlNetCifarException BackboneAnd(string backbone, string what, string action) =>
        new("MNC9022", ErrorKind.Usage, $"The backbone '{backbone}' was chosen together with {what}.", action);
}
