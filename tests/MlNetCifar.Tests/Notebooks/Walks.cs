using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Notebooks;

/// <summary>The walks of the folder notebooks, each a program of one file and a notebook.</summary>
static class Walks
{
    public static IReadOnlyList<string> All { get; } =
    [
        .. Directory.EnumerateFiles(Repository.File("notebooks"), "*.cs").Select(path => Path.GetFileNameWithoutExtension(path)).Where(name => name != "make").Order(StringComparer.Ordinal),
    ];

    public static IEnumerable<object[]> Rows => All.Select(name => new object[] { name });
}
