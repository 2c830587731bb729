using MlNetCifar.Files;

namespace MlNetCifar.Experiments;

/// <summary>The faults of options (MNC90xx, which they share with the command line).</summary>
internal static class OptionErrors
{
    public static MlNetCifarException Value(string origin, string value, string expected, IEnumerable<string>? choices = null) =>
        new("MNC9002", ErrorKind.Usage, $"{origin} is '{Secrets.InAddress(value)}'; expected {expected}.{Spelling.Question(value, choices ?? [])}");

    public static MlNetCifarException File(string path, string found, Exception? inner = null) =>
        new("MNC9003", ErrorKind.Usage, found, "Give a JSON object of settings, for example {\"epochs\": 30}, or a run's args.json.", path, inner);

    public static MlNetCifarException Unknown(string path, string name, string? version, IEnumerable<string> known) => File(
        path,
        $"There is no setting '{name}' here{(version is null || version == FileOrigin.Current ? "" : $" in version {FileOrigin.Current}; version {version} wrote the file")}; "
        + $"known are {string.Join(", ", known.Order(StringComparer.Ordinal))}.{Spelling.Question(name, known)}");

    public static MlNetCifarException Missing(OptionDescription option) =>
        new("MNC9004", ErrorKind.Usage, $"{option.Option} is needed.", $"Give it on the command line, as {option.VariableName}, or in the file of --config.");
}
