using System.IO.Compression;
using System.Reflection;
using System.Runtime.Loader;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.App;

/// <summary>The packages, as their users have them.</summary>
[TestClass]
public sealed class PackageTests
{
    /// <summary>What the core library's package may take, for our code and the documentation of what is public (0.09 MB): a megabyte is the budget.</summary>
    const long MostOfTheCore = 1_000_000;

    static readonly (string Project, string Id)[] s_libraries =
    [
        ("src/MlNetCifar", "MlNetCifar"), ("src/MlNetCifar.Client", "MlNetCifar.Client"), ("src/MlNetCifar.Formats", "MlNetCifar.Formats"), ("src/MlNetCifar.Interactive", "MlNetCifar.Interactive"), ("src/MlNetCifar.MLNet", "MlNetCifar.ML"), ("src/MlNetCifar.MSTest", "MlNetCifar.MSTest"),
        ("src/MlNetCifar.Parquet", "MlNetCifar.Parquet"), ("src/MlNetCifar.Pretrained", "MlNetCifar.Pretrained"), ("src/MlNetCifar.Server", "MlNetCifar.Server"), ("src/MlNetCifar.Spark", "MlNetCifar.Spark"),
        ("src/MlNetCifar.Spark.Executor", "MlNetCifar.Spark.Executor"),
    ];

    [TestMethod]
    [TestCategory("Slow")]
    public void Packages_SayWhatTheyAre()
    {
        using var folder = new TestFolder();
        Dotnet.Pack(folder.Root, s_libraries.Select(library => library.Project).Append("src/MlNetCifar.App"));
        foreach (var (_, id) in s_libraries.Append(("", "MlNetCifar.Tool")))
        {
            using var package = ZipFile.OpenRead(folder[$"{id}.{Dotnet.Version}.nupkg"]);
            var about = XDocument.Load(package.GetEntry($"{id}.nuspec")!.Open()).Root!.Elements().Single();
            string? Of(string name) => about.Elements().SingleOrDefault(e => e.Name.LocalName == name)?.Value;
            Assert.AreEqual("MIT", Of("license"), id);
            Assert.AreEqual("PACKAGE.md", Of("readme"), id);
            Assert.IsGreaterThan(200, package.GetEntry("PACKAGE.md")!.Length, id);
            Assert.IsGreaterThan(30, Of("description")!.Length, id);
            StringAssert.Contains(Of("tags"), "image-classification", id);
            Assert.AreEqual("icon.png", Of("icon"), id);
            Assert.AreEqual((128, 128), Size(package.GetEntry("icon.png")!), id);
            Assert.IsTrue(ZipHas(folder[$"{id}.{Dotnet.Version}.snupkg"], ".pdb"), id);

            // Of ours, everything has one version; and nothing of the build is of use to others.
            foreach (var dependency in about.Descendants().Where(e => e.Name.LocalName == "dependency"))
            {
                var other = dependency.Attribute("id")!.Value;
                Assert.IsTrue(!other.StartsWith("MlNetCifar", StringComparison.Ordinal) || dependency.Attribute("version")!.Value == Dotnet.Version, $"{id}: {other}");
                Assert.IsFalse(other.Contains("Analyzers", StringComparison.Ordinal) || other is "Grpc.Tools", $"{id}: {other}");
                Assert.AreNotEqual("MlNetCifar", id, $"the core depends on {other}");
            }
        }

        Assert.IsLessThanOrEqualTo(MostOfTheCore, new FileInfo(folder[$"MlNetCifar.{Dotnet.Version}.nupkg"]).Length);
    }

    /// <summary>The core's package is trimmed; nothing that is public is missing.</summary>
    [TestMethod]
    [TestCategory("Slow")]
    public void Core_OffersWhatItsProjectDoes()
    {
        using var folder = new TestFolder();
        Dotnet.Pack(folder.Root, "src/MlNetCifar");
        ZipFile.ExtractToDirectory(folder[$"MlNetCifar.{Dotnet.Version}.nupkg"], folder["package"]);
        var context = new AssemblyLoadContext(null, isCollectible: true);
        using (var packed = File.OpenRead(folder["package/lib/net10.0/MlNetCifar.dll"]))
            CollectionAssert.AreEqual(Offered(typeof(Trainer).Assembly), Offered(context.LoadFromStream(packed)));
        context.Unload();
    }

    static string[] Offered(Assembly assembly)
    {
        const BindingFlags all = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;
        var types = assembly.GetExportedTypes();
        var methods = types.SelectMany(type => type.GetMembers(all)).OfType<MethodBase>().Where(m => m.IsPublic || m.IsFamily || m.IsFamilyOrAssembly)
            .Select(m => $"{m.DeclaringType}: {m} {string.Join(' ', m.GetParameters().Select(p => p.Name))}");
        var fields = types.SelectMany(type => type.GetFields(all)).Where(f => f.IsPublic || f.IsFamily || f.IsFamilyOrAssembly).Select(f => $"{f.DeclaringType}: {f}");
        return [.. methods.Concat(fields).Order(StringComparer.Ordinal)];
    }

    [TestMethod]
    [TestCategory("Slow")]
    public void Core_TrainsInANewProject()
    {
        var code = Code("src/MlNetCifar");
        Assert.IsLessThanOrEqualTo(10, code.Split('\n').Count(line => line.Length > 0));
        using var folder = new Pictures();
        var project = Project(folder, "src/MlNetCifar", "MlNetCifar");
        folder.Splits("app/photos", train: 12, test: 4);
        File.Copy(Path.Combine(project, "photos", "test", "red", "000.png"), Path.Combine(project, "photo.jpg"));
        File.WriteAllText(Path.Combine(project, "Program.cs"), code);
        var output = Dotnet.Run(project, "run", "-c", "Release");
        StringAssert.Matches(output, new Regex(@"^test accuracy [01]\.\d{3}; the rest is in .*report\.html$", RegexOptions.Multiline));
        StringAssert.Matches(output, new Regex(@"^(red|green|blue) [01]\.\d{3}$", RegexOptions.Multiline));
        Assert.IsTrue(File.Exists(Path.Combine(project, "photos.safetensors")));
        CollectionAssert.AreEqual(new[] { "mlnetcifar" }, Directory.GetDirectories(folder["packages"]).Select(Path.GetFileName).ToArray());
    }

    [TestMethod]
    [TestCategory("Slow")]
    public void Pretrained_BringsItsBackbone()
    {
        using var folder = new Pictures();
        Dotnet.Pack(folder["feed"], "src/MlNetCifar");
        var project = Project(folder, "src/MlNetCifar.Pretrained", "MlNetCifar.Pretrained");
        File.WriteAllText(Path.Combine(project, "Program.cs"), """
            using var backbone = new MlNetCifar.Pretrained.PretrainedBackbones().Open("resnet18");
            System.Console.WriteLine($"{backbone.Count} features");
            """);
        StringAssert.Contains(Dotnet.Run(project, "run", "-c", "Release"), "512 features");
        Assert.HasCount(1, Directory.GetFiles(project, "ResNet18.LICENSE", SearchOption.AllDirectories));
    }

    /// <summary>A new console project in an empty folder that has a package.</summary>
    internal static string Project(Pictures folder, string source, string package)
    {
        Dotnet.Pack(folder["feed"], source);
        Dotnet.UseFeed(folder, folder["feed"]);
        Dotnet.Run(folder.Root, "new", "console", "-n", "App", "-o", "app", "--no-restore", "--debug:custom-hive", folder["hive"]);
        Dotnet.Run(folder["app"], "add", "package", package, "--version", Dotnet.Version);
        return folder["app"];
    }

    static (int Width, int Height) Size(ZipArchiveEntry picture)
    {
        using var stream = picture.Open();
        var image = RgbImage.Load(stream);
        return (image.Width, image.Height);
    }

    /// <summary>The program of a package's page.</summary>
    internal static string Code(string project) =>
        Regex.Match(File.ReadAllText(Repository.File(project, "PACKAGE.md")), "```csharp\n(.*?)```", RegexOptions.Singleline).Groups[1].Value;

    static bool ZipHas(string path, string ending)
    {
        using var zip = ZipFile.OpenRead(path);
        return zip.Entries.Any(entry => entry.Name.EndsWith(ending, StringComparison.Ordinal));
    }
}
