namespace MlNetCifar.MSTest;

/// <summary>The faults of gates, MNC71xx.</summary>
internal static class GateErrors
{
    public static MlNetCifarException NotFound(string path, string start) => new(
        "MNC7101", ErrorKind.Usage, $"There is no '{path}' in the folder of the tests, '{start}', nor in any above it.",
        "Give a path from the test project's folder or the repository's, or an absolute one.");
}
