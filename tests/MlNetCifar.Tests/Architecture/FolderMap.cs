using System.Reflection;
using System.Text.RegularExpressions;

namespace MlNetCifar.Tests.Architecture;

/// <summary>The folders of a project, the types in each, and which folder uses which.</summary>
sealed partial class FolderMap
{
    readonly Dictionary<string, string> _folders = [];

    /// <summary>Reads the project's sources for where types are declared, and its assembly for what they use.</summary>
    public FolderMap(string project, Assembly assembly)
    {
        var root = TestKit.Repository.File("src", project);
        foreach (var file in SourceCode.Files(root))
        {
            var folder = Path.GetRelativePath(root, Path.GetDirectoryName(file)!).Replace(Path.DirectorySeparatorChar, '/');
            var text = SourceCode.WithoutComments(file);
            var space = NamespaceDeclaration().Match(text).Groups[1].Value;
            foreach (Match type in TypeDeclaration().Matches(text))
                _folders[$"{space}.{type.Groups["name"].Value}"] = folder;
        }

        Homeless = [.. assembly.GetTypes().Where(t => !t.IsNested && IsOwn(t) && !_folders.ContainsKey(NameOf(t))).Select(t => t.FullName!)];
        Edges =
        [
            .. from pair in Dependencies.Of(assembly)
               let user = Find(pair.From)
               let used = Find(pair.To)
               where user is not null && used is not null && user != used
               select new Edge(user, used, pair.From.Name, pair.To.Name),
        ];
    }

    /// <summary>Types whose declaration was not found.</summary>
    public IReadOnlyList<string> Homeless { get; }

    /// <summary>All uses across folders.</summary>
    public IReadOnlyList<Edge> Edges { get; }

    /// <summary>All folders that hold types, '.' for the project's own.</summary>
    public IEnumerable<string> Folders => _folders.Values.Distinct().Order(StringComparer.Ordinal);

    /// <summary>The units in an order in which each uses earlier ones only, and those for which there is none.</summary>
    public static (IReadOnlyList<string> Ordered, IReadOnlyList<string> InCycles) Sort(IReadOnlyCollection<(string From, string To)> uses)
    {
        var left = uses.SelectMany(u => new[] { u.From, u.To }).ToHashSet();
        List<string> ordered = [];
        while (left.Where(unit => !uses.Any(u => u.From == unit && left.Contains(u.To))).Order(StringComparer.Ordinal).ToArray() is { Length: > 0 } free)
        {
            ordered.AddRange(free);
            left.ExceptWith(free);
        }

        return (ordered, [.. left.Order(StringComparer.Ordinal)]);
    }

    string? Find(Type type) => _folders.GetValueOrDefault(NameOf(type));

    // The compiler's own types, and those made from .proto files, are nobody's.
    static bool IsOwn(Type type) =>
        !type.Name.StartsWith('<') && type.Namespace is { } space && space.StartsWith("MlNetCifar", StringComparison.Ordinal) && !space.Contains(".Protos", StringComparison.Ordinal);

    static string NameOf(Type type) => $"{type.Namespace}.{type.Name.Split('`')[0]}";

    [GeneratedRegex(@"^namespace ([\w.]+)", RegexOptions.Multiline)]
    private static partial Regex NamespaceDeclaration();

    [GeneratedRegex(@"^(?:\w+ )*?(?:(?:class|record struct|record|struct|interface|enum) (?<name>\w+)(?=<|\(|;|\s*\{|\s*:|\s*$)|delegate (?:[^()\n]|\([^()\n]*\)>)* (?<name>\w+)\()", RegexOptions.Multiline)]
    private static partial Regex TypeDeclaration();

    /// <summary>A use across folders.</summary>
    /// <param name="From">The folder of the user.</param>
    /// <param name="To">The folder of what is used.</param>
    /// <param name="User">A type.</param>
    /// <param name="Used">A type.</param>
    public sealed record Edge(string From, string To, string User, string Used)
    {
        /// <summary>The uses as a reader wants them.</summary>
        public override string ToString() => $"{From} uses {To}: {User} → {Used}";
    }
}
