using MlNetCifar.Files;

namespace MlNetCifar.Experiments;

/// <summary>The faults of options and runs (MNC90xx, which they share with the command line).</summary>
internal static class ExperimentErrors
{
    public static MlNetCifarException Value(string origin, string value, string expected) =>
        new("MNC9002", ErrorKind.Usage, $"{origin} is '{value}'; expected {expected}.");

    public static MlNetCifarException OptionFile(string path, string found, Exception? inner = null) =>
        new("MNC9003", ErrorKind.Usage, found, "Give a JSON object of settings, for example {\"epochs\": 30}, or a run's args.json.", path, inner);

    public static MlNetCifarException UnknownOption(string path, string name, string? version, IEnumerable<string> known) => OptionFile(
        path,
        $"There is no setting '{name}' here{(version is null || version == FileOrigin.Current ? "" : $" in version {FileOrigin.Current}; version {version} wrote the file")}; "
        + $"known are {string.Join(", ", known.Order(StringComparer.Ordinal))}.");

    public static MlNetCifarException Missing(OptionDescription option) =>
        new("MNC9004", ErrorKind.Usage, $"{option.Option} is needed.", $"Give it on the command line, as {option.VariableName}, or in the file of --config.");

    public static MlNetCifarException NoData() => new("MNC9004", ErrorKind.Usage, "There are no data.", "Give a path, or an open data set.");

    public static MlNetCifarException NoModel() => new("MNC9006", ErrorKind.Usage, "There is no model.", "Give a model file, or the folder of a run.");

    public static MlNetCifarException NoWeights(string path) =>
        new("MNC9007", ErrorKind.Data, "There is no model file here.", "Give a .safetensors file, or a run folder with weights/best.safetensors.", path);

    public static MlNetCifarException Augmentation(IEnumerable<string> faults) =>
        new("MNC9012", ErrorKind.Usage, $"Augmentation: {string.Join("; ", faults)}.", "Correct the options.");
}
