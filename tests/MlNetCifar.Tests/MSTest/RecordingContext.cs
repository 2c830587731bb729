using System.Globalization;

namespace MlNetCifar.Tests.MSTest;

/// <summary>A test's context that remembers what a test says and attaches.</summary>
public sealed class RecordingContext(string name) : TestContext
{
    readonly List<string> _lines = [];

    public List<string> Files { get; } = [];

    public string Output => string.Join('\n', _lines);

    public override System.Collections.Generic.IDictionary<string, object?> Properties { get; } = new Dictionary<string, object?>
    {
        [nameof(TestName)] = name, [nameof(FullyQualifiedTestClassName)] = typeof(RecordingContext).FullName,
    };

    public override void AddResultFile(string fileName) => Files.Add(fileName);

    public override void Write(string? message) => _lines.Add(message ?? "");

    public override void Write(string format, params object?[] args) => _lines.Add(string.Format(CultureInfo.InvariantCulture, format, args));

    public override void WriteLine(string? message) => _lines.Add(message ?? "");

    public override void WriteLine(string format, params object?[] args) => _lines.Add(string.Format(CultureInfo.InvariantCulture, format, args));

    public override void DisplayMessage(MessageLevel messageLevel, string message) => _lines.Add(message);
}
