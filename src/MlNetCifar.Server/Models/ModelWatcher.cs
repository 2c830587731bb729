using System.Globalization;

namespace MlNetCifar.Server.Models;

/// <summary>Keeps the store like the files: loads what is new or changed, drops what left the folder. A file that cannot be used leaves its predecessor in place.</summary>
internal sealed class ModelWatcher(ServingOptions options, ModelStore store, ILogger logger)
{
    const string Extension = ".safetensors";

    readonly Dictionary<string, ModelFileInfo> _tried = [];
    Dictionary<string, ModelFileInfo> _seen = [];

    /// <summary>Faults of the files as they are now, by path.</summary>
    public IReadOnlyDictionary<string, MlNetCifarException> Faults => _faults;

    volatile Dictionary<string, MlNetCifarException> _faults = [];

    /// <summary>Loads everything as it lies there.</summary>
    public void LoadAll()
    {
        foreach (var file in (_seen = Files()).Values)
            Load(file);
        foreach (var (name, path) in options.Models.Where(m => !_seen.ContainsKey(m.Value)))
            Fail(path, Missing(name, path));
    }

    /// <summary>Looks once. A file must have been the same the last time, so that none is read while it is written.</summary>
    public void Look()
    {
        var files = Files();
        foreach (var file in files.Values.Where(f => f.IsSameAs(_seen.GetValueOrDefault(f.Path)) && !f.IsSameAs(_tried.GetValueOrDefault(f.Path))))
            Load(file);
        foreach (var path in _tried.Keys.Where(path => !files.ContainsKey(path) && !options.Models.Values.Contains(path)).ToArray())
            Drop(path);
        _seen = files;
    }

    static MlNetCifarException Missing(string name, string path)
    {
        try
        {
            ImageClassifier.Load(path).Dispose();
            return new("MNC4001", ErrorKind.Data, $"Model '{name}' appeared late.", "Start again.", path);
        }
        catch (MlNetCifarException e)
        {
            return e;
        }
    }

    void Load(ModelFileInfo file)
    {
        _tried[file.Path] = file;
        try
        {
            var model = store.Load(file);
            _faults = _faults.Where(f => f.Key != file.Path).ToDictionary();
            logger.Loaded(model.IsCandidate ? "candidate" : "model", model.Name, model.Version, model.Classifier.WeightsSha256[..12]);
        }
        catch (MlNetCifarException e)
        {
            Fail(file.Path, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or InvalidOperationException)
        {
            Fail(file.Path, new("MNC4007", ErrorKind.Data, $"The model cannot be read: {e.Message}", "Check the file.", file.Path, e));
        }
    }

    void Fail(string path, MlNetCifarException fault)
    {
        _faults = new(_faults) { [path] = fault };
        logger.NotLoaded(path, fault.Code, fault.Reason);
    }

    void Drop(string path)
    {
        _tried.Remove(path);
        _faults = _faults.Where(f => f.Key != path).ToDictionary();
        store.Remove(path);
        logger.Dropped(path);
    }

    Dictionary<string, ModelFileInfo> Files()
    {
        var found = options.Models.Select(m => ModelFileInfo.Of(m.Key, null, m.Value)).Concat(InFolder());
        var files = new Dictionary<string, ModelFileInfo>(StringComparer.Ordinal);
        foreach (var file in found.OfType<ModelFileInfo>())
            files.TryAdd(file.Path, file);
        return files;
    }

    /// <summary>What the folder holds; a file goes before a folder of versions, and a model of the options before both.</summary>
    List<ModelFileInfo?> InFolder()
    {
        var files = new List<ModelFileInfo?>();
        if (options.ModelsFolder is not { } root || !Directory.Exists(root))
            return files;
        try
        {
            foreach (var path in Directory.EnumerateFiles(root, "*" + Extension))
                Add(path, Path.GetFileNameWithoutExtension(path), null);
            foreach (var path in Directory.EnumerateDirectories(root).SelectMany(folder => Directory.EnumerateFiles(folder, "*" + Extension)))
            {
                if (int.TryParse(Path.GetFileNameWithoutExtension(path), NumberStyles.None, CultureInfo.InvariantCulture, out var number))
                    Add(path, Path.GetFileName(Path.GetDirectoryName(path)!), number);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            logger.FolderUnreadable(root, e.Message);
        }

        return files;

        void Add(string path, string name, int? number)
        {
            var taken = options.Models.ContainsKey(name) || files.Any(f => f!.Name == name && f.Number is null);
            if (ServingOptions.IsName(name) && !taken && ModelFileInfo.Of(name, number, path) is { } file)
                files.Add(file);
        }
    }
}
