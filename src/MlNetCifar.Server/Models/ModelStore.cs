using System.Collections.Immutable;

namespace MlNetCifar.Server.Models;

/// <summary>The models that are served. Replacing one loses no request: those under way keep the old, those that come get the new.</summary>
/// <param name="options">What every model is opened with.</param>
/// <param name="isForCandidates">Whether they are compared with the models of their names rather than being them.</param>
internal sealed class ModelStore(ServingOptions options, bool isForCandidates = false) : IDisposable
{
    readonly Lock _lock = new();
    readonly Dictionary<string, int> _loads = [];
    volatile ImmutableSortedDictionary<string, ImmutableSortedDictionary<int, LoadedModel>> _models =
        ImmutableSortedDictionary.Create<string, ImmutableSortedDictionary<int, LoadedModel>>(StringComparer.Ordinal);

    /// <summary>Names and, in rising order, versions.</summary>
    public ImmutableSortedDictionary<string, ImmutableSortedDictionary<int, LoadedModel>> Models => _models;

    /// <summary>Times that a model was put in another's place.</summary>
    public long Swaps { get; private set; }

    /// <summary>A model for a request; to be released.</summary>
    /// <param name="name">Null for the only one.</param>
    /// <param name="version">Null for the highest.</param>
    /// <exception cref="RequestFault">There is none.</exception>
    public LoadedModel Hold(string? name, string? version)
    {
        while (true)
        {
            // A model may be replaced between finding and holding it.
            if (Find(_models, name, version) is var model && model.TryHold())
                return model;
        }
    }

    /// <summary>The highest version of a name as it is now, not held; null where there is none.</summary>
    public LoadedModel? Current(string name) => _models.TryGetValue(name, out var versions) ? versions.Last().Value : null;

    /// <summary>Loads a file, warms the model up, and only then serves it; on a fault everything stays as it was. One thread at a time.</summary>
    /// <exception cref="MlNetCifarException">The file is no usable model (MNC40xx).</exception>
    public LoadedModel Load(ModelFileInfo file)
    {
        var fresh = LoadedModel.Open(file, file.Number ?? _loads.GetValueOrDefault(file.Path) + 1, options, isForCandidates);
        _loads[file.Path] = fresh.Version;
        Put(fresh);
        return fresh;
    }

    /// <summary>Serves it no more.</summary>
    public void Remove(string path)
    {
        foreach (var model in All().Where(m => m.File.Path == path))
            Retire(model);
    }

    /// <summary>What is served now.</summary>
    public IEnumerable<LoadedModel> All() => _models.Values.SelectMany(versions => versions.Values);

    public void Dispose()
    {
        foreach (var model in All())
            Retire(model);
    }

    static LoadedModel Find(
        ImmutableSortedDictionary<string, ImmutableSortedDictionary<int, LoadedModel>> models, string? name, string? version)
    {
        if (models.IsEmpty)
            throw name is null ? ServerErrors.NotReady("No model is loaded yet.") : ServerErrors.NoModel(name, []);
        if (name is null)
            return models.Count == 1 ? models.Values.First().Last().Value : throw ServerErrors.ModelMissing(models.Keys);
        if (!models.TryGetValue(name, out var versions))
            throw ServerErrors.NoModel(name, models.Keys);
        if (version is null)
            return versions.Last().Value;
        return int.TryParse(version, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var number) && versions.TryGetValue(number, out var found)
            ? found
            : throw ServerErrors.NoVersion(name, version);
    }

    void Put(LoadedModel fresh)
    {
        LoadedModel? old;
        lock (_lock)
        {
            var versions = _models.GetValueOrDefault(fresh.Name) ?? ImmutableSortedDictionary<int, LoadedModel>.Empty;
            old = versions.Values.FirstOrDefault(m => m.File.Path == fresh.File.Path);
            if (old is not null)
                (versions, Swaps) = (versions.Remove(old.Version), Swaps + 1);
            _models = _models.SetItem(fresh.Name, versions.SetItem(fresh.Version, fresh));
        }

        old?.Release();
    }

    void Retire(LoadedModel old)
    {
        lock (_lock)
        {
            if (!_models.TryGetValue(old.Name, out var versions) || versions.GetValueOrDefault(old.Version) != old)
                return;
            versions = versions.Remove(old.Version);
            _models = versions.IsEmpty ? _models.Remove(old.Name) : _models.SetItem(old.Name, versions);
        }

        old.Release();
    }
}
