using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace MlNetCifar.Spark.Stage;

/// <summary>Where the stage runs.</summary>
/// <param name="Threads">Threads of this process; 0 for a Spark cluster.</param>
/// <param name="Address">The Connect server; null for this process.</param>
readonly record struct StageMaster(int Threads, string? Address)
{
    public static StageMaster Parse(string text)
    {
        if (text.StartsWith("sc://", StringComparison.Ordinal))
            return new(0, text);
        if (text == "local")
            return new(1, null);
        if (text == "local[*]")
            return new(Environment.ProcessorCount, null);
        if (text.StartsWith("local[", StringComparison.Ordinal) && text.EndsWith(']')
            && int.TryParse(text["local[".Length..^1], NumberStyles.None, CultureInfo.InvariantCulture, out var n) && n is >= 1 and <= 1024)
            return new(n, null);
        throw StageErrors.BadMaster(WithoutSecrets(text));
    }

    /// <summary>An address without its parameters, among which a token may be, and without a login.</summary>
    [return: NotNullIfNotNull(nameof(text))]
    public static string? WithoutSecrets(string? text) => text is null ? null : Secrets.InAddress(text.Split(';')[0]);
}
