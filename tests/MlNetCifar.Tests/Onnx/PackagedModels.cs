using System.Formats.Tar;
using System.IO.Compression;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Onnx;

/// <summary>Models and pictures that are not in the repository: a package that restore downloads, and the shared photographs.</summary>
internal static class PackagedModels
{
    /// <summary>The ResNet-18 of ML.NET: 22 convolutions, without a layer for classes.</summary>
    public static string ResNet18 => Packaged("ResNet18Onnx", "ResNet18.onnx");

    /// <summary>What turns pixels into its inputs: blue first, minus a mean image.</summary>
    public static string ResNet18Preprocessing => Packaged("ResNetPrepOnnx", "ResNetPreprocess.onnx");

    /// <summary>Photographs of cats and dogs, brought to one size by a bilinear resize.</summary>
    /// <param name="count">How many.</param>
    /// <param name="side">Height and width.</param>
    public static ImageSet Photographs(int count, int side)
    {
        var spec = new PreprocessSpec { Width = side, Height = side };
        var preprocessor = new MlNetCifar.Imaging.Preprocessor(spec);
        var pixels = new byte[count * spec.Length];
        foreach (var (i, (name, file)) in Photographs().Take(count).Index())
            preprocessor.Apply(file, pixels.AsSpan(i * spec.Length, spec.Length), name);
        return new ImageSet(pixels, new int[count], side, side, 3, ["any"]);
    }

    /// <summary>The same as files.</summary>
    /// <returns>Their paths.</returns>
    public static IReadOnlyList<string> PhotographFiles(int count, TestFolder folder)
    {
        var paths = new List<string>();
        foreach (var (i, (_, file)) in Photographs().Take(count).Index())
        {
            paths.Add(folder[$"{i:0000}.jpg"]);
            File.WriteAllBytes(paths[^1], file);
        }

        return paths;
    }

    /// <summary>Photographs of cats and dogs with their names in the archive.</summary>
    public static IEnumerable<(string Name, byte[] File)> Photographs()
    {
        var path = Path.Combine(Environment.GetEnvironmentVariable("MLNETCIFAR_SHARED") ?? "", "data", "cats-dogs-sample.tar.gz");
        if (!File.Exists(path))
            Assert.Inconclusive("MLNETCIFAR_SHARED names no folder with data/cats-dogs-sample.tar.gz.");
        using var tar = new TarReader(new GZipStream(File.OpenRead(path), CompressionMode.Decompress));
        while (tar.GetNextEntry() is { } entry)
        {
            if (entry.DataStream is null || !entry.Name.EndsWith(".jpg", StringComparison.Ordinal))
                continue;
            using var file = new MemoryStream();
            entry.DataStream.CopyTo(file);
            yield return (entry.Name, file.ToArray());
        }
    }

    static string Packaged(string folder, string name)
    {
        var root = Environment.GetEnvironmentVariable("NUGET_PACKAGES")
            ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        return Path.Combine(root, "microsoft.ml.dnnimagefeaturizer.resnet18", "0.23.1", "tools", "DnnImageModels", folder, name);
    }
}
