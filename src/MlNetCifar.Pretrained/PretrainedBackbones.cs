using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace MlNetCifar.Pretrained;

/// <summary>
/// The trained networks that lie beside the program, in the folder <c>backbones</c>; nothing is downloaded at run time. <c>resnet18</c>: a residual network trained on
/// ImageNet, from the package Microsoft.ML.DnnImageFeaturizer.ResNet18 0.23.1 (Microsoft, MIT licence): 512 features of pictures of 224×224.
/// </summary>
public sealed class PretrainedBackbones : IBackboneCatalog
{
    const string ResNet18 = "resnet18";

    static readonly (string Name, string Sha256) s_network = ("ResNet18.onnx", "e2552f19db2dfdb01b3669537b6a0f1b44da38d18279535492ed5dfc2ef1ff8f");
    static readonly (string Name, string Sha256) s_pixels = ("ResNetPreprocess.onnx", "84bf8def78d0befaa3f6e73745d57d7016c6a192ead76f79686bd438c1047004");

    readonly string _folder;

    /// <summary>Those of the folder beside the program; in a notebook, which takes assemblies from where packages lie unpacked, those of the package.</summary>
    public PretrainedBackbones()
        : this(BesideTheProgram() is var beside && !Directory.Exists(beside) && OfThePackage() is { } unpacked ? unpacked : beside)
    {
    }

    /// <summary>Those of any folder.</summary>
    /// <param name="folder">Holds the files of the package under their own names.</param>
    public PretrainedBackbones(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        _folder = folder;
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> Names { get; } = [ResNet18];

    /// <inheritdoc/>
    public bool IsHere(string name) => name == ResNet18 && File.Exists(PathOf(s_network)) && File.Exists(PathOf(s_pixels));

    /// <inheritdoc/>
    public string? LicenceOf(string name) => name == ResNet18 ? "MIT (Microsoft.ML.DnnImageFeaturizer.ResNet18)" : null;

    /// <inheritdoc/>
    public PreprocessSpec? PreprocessOf(string name) => name == ResNet18 ? new PreprocessSpec { Width = 224, Height = 224 } : null;

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The name is none of <see cref="Names"/>.</exception>
    /// <exception cref="MlNetCifarException">A file is missing (MNC3105), or is not the package's (MNC3106).</exception>
    public FeatureExtractor Open(string name)
    {
        if (name != ResNet18)
            throw new ArgumentException($"There is no backbone '{name}'; known: {string.Join(", ", Names)}.", nameof(name));
        using var model = OnnxImport.Load(Checked(s_network), new OnnxImportOptions { Preprocessing = Checked(s_pixels), Name = ResNet18 });
        return model.ToFeatures();
    }

    static string BesideTheProgram() => Path.Combine(AppContext.BaseDirectory, "backbones");

    /// <returns>The folder of the package whose <c>lib/net10.0</c> holds this assembly; null where it is another's, or part of the program's file.</returns>
    [UnconditionalSuppressMessage("SingleFile", "IL3000", Justification = "In one file the path is empty, and the files lie beside the program.")]
    static string? OfThePackage() =>
        typeof(PretrainedBackbones).Assembly.Location is { Length: > 0 } path && Path.GetFullPath(Path.Combine(path, "..", "..", "..", "backbones")) is var folder && Directory.Exists(folder) ? folder : null;

    string PathOf((string Name, string Sha256) file) => Path.Combine(_folder, file.Name);

    string Checked((string Name, string Sha256) file)
    {
        var path = PathOf(file);
        try
        {
            using var stream = File.OpenRead(path);
            var found = Convert.ToHexStringLower(SHA256.HashData(stream));
            return found == file.Sha256 ? path : throw PretrainedErrors.OtherFile(path, found, file.Sha256);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw PretrainedErrors.Missing(path, e);
        }
    }
}

/// <summary>The faults of the files (MNC31xx, which they share with what stands on backbones).</summary>
internal static class PretrainedErrors
{
    public static MlNetCifarException Missing(string path, Exception cause) => new(
        "MNC3105", ErrorKind.Data, $"The backbone's file cannot be read ({cause.Message.TrimEnd('.')}).",
        "Build or install the program again with its folder 'backbones', give a model file with --backbone FILE, or train from scratch with --preset.", path, cause);

    public static MlNetCifarException OtherFile(string path, string found, string expected) => new(
        "MNC3106", ErrorKind.Data, $"The backbone's file has the SHA-256 {found}, expected {expected}.", "Build or install the program again with its folder 'backbones'.", path);
}
