using MlNetCifar.Transfer;

namespace MlNetCifar;

/// <summary>Backbones by name.</summary>
public interface IBackboneCatalog
{
    /// <summary>All names, the best for photographs first.</summary>
    IReadOnlyList<string> Names { get; }

    /// <summary>Whether a backbone can be opened here: whether its file is there.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    bool IsHere(string name);

    /// <summary>Who lets whom use a backbone, for example <c>MIT</c>; null where nobody said.</summary>
    /// <param name="name">Any name.</param>
    string? LicenceOf(string name);

    /// <summary>How a backbone's pictures are made, where that is known without opening it; null (the default) where it is not.</summary>
    /// <param name="name">Any name.</param>
    PreprocessSpec? PreprocessOf(string name) => null;

    /// <summary>Opens a backbone.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <returns>The caller disposes it.</returns>
    /// <exception cref="MlNetCifarException">Its file is missing or is not the one expected.</exception>
    FeatureExtractor Open(string name);

    /// <summary>A catalogue that knows none.</summary>
    static IBackboneCatalog Empty { get; } = new NoBackbones();

    /// <summary>Opens what a user named: a backbone of a catalogue, or a model file, ONNX files among them.</summary>
    /// <param name="nameOrFile">The name or the path.</param>
    /// <param name="catalog">Looked at first.</param>
    /// <returns>The caller disposes it.</returns>
    /// <exception cref="MlNetCifarException">There is neither (MNC3104), or it cannot be used (MNC40xx, MNC41xx).</exception>
    static FeatureExtractor Find(string nameOrFile, IBackboneCatalog catalog)
    {
        ArgumentException.ThrowIfNullOrEmpty(nameOrFile);
        ArgumentNullException.ThrowIfNull(catalog);
        if (catalog.Names.Contains(nameOrFile))
            return catalog.Open(nameOrFile);
        if (!Path.Exists(nameOrFile) && !Path.HasExtension(nameOrFile) && !nameOrFile.Contains(Path.DirectorySeparatorChar))
            throw TransferErrors.UnknownBackbone(nameOrFile, catalog.Names);
        if (!nameOrFile.EndsWith(".onnx", StringComparison.OrdinalIgnoreCase))
            return FeatureExtractor.Load(nameOrFile);
        using var imported = OnnxImport.Load(nameOrFile);
        return imported.ToFeatures();
    }
}

file sealed class NoBackbones : IBackboneCatalog
{
    public IReadOnlyList<string> Names => [];

    public bool IsHere(string name) => false;

    public string? LicenceOf(string name) => null;

    public FeatureExtractor Open(string name) => throw TransferErrors.UnknownBackbone(name, []);
}
