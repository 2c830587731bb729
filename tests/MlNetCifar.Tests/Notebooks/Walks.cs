using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Notebooks;

/// <summary>The walks of the folder notebooks, each a program of one file and a notebook.</summary>
static class Walks
{
    public static IReadOnlyList<string> All { get; } =
    [
        .. Directory.EnumerateFiles(Repository.File("notebooks"), "*.cs").Select(path => Path.GetFileNameWithoutExtension(path)).Where(name => name != "make").Order(StringComparer.Ordinal),
    ];

    /// <summary>The one that starts a cluster.</summary>
    public const string OnSpark = "spark-and-hdfs";

    /// <summary>The others, for tests.</summary>
    public static IEnumerable<object[]> Rows => All.Where(name => name != OnSpark).Select(name => new object[] { name });
}
