using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using MlNetCifar.Files;
using ShardPartMaker = System.Func<string, System.Collections.Generic.IReadOnlyList<MlNetCifar.Data.ShardWork>, System.Collections.Generic.IEnumerable<(int Work, MlNetCifar.Data.ShardPartInfo Part)>>;

namespace MlNetCifar.Data;

/// <summary>One run of <see cref="ShardWriter"/> over a folder, which it locks: keeps what is whole, builds the rest, commits last.</summary>
internal sealed class ShardRun(string folder, ShardOptions options, IReadOnlyList<string> classes, ProgressCounter progress, CancellationToken cancellation)
    : IDisposable
{
    ShardLock _lock = null!;
    ShardBuilder? _builder;
    readonly Dictionary<DatasetSplit, ShardManifest> _manifests = [];
    readonly IFileStore _store = options.Store;
    bool _split;
    bool _changed;
    int _written;
    int _kept;

    public void Advance(bool bad) => progress.Advance(bad);

    public void Begin(IEnumerable<DatasetSplit> splits)
    {
        string[] own = [.. splits.Select(split => ShardManifest.FolderOf(folder, split))];
        _split = own.Length > 1;
        if (!_split)
            own = [folder];
        LabelsFile.RequireLines(classes, folder);
        if (_store.FolderExists(folder) && Enum.GetValues<DatasetSplit>().Select(split => ShardManifest.FolderOf(folder, split)).Append(folder).Except(own).Any(other => _store.FileExists($"{other}/{ShardManifest.FileName}")))
            throw DataErrors.OtherLayout(folder);
        _lock = Guard(folder, () => ShardLock.Take(_store, folder, cancellation));
        if (!options.ExistOk && _store.FileExists($"{folder}/{ShardManifest.SuccessName}")
            && own.Select(ManifestOf).OfType<ShardManifest>().SelectMany(found => ShardSettings.Differences(found, options, classes)).Distinct().ToArray() is { Length: > 0 } differences)
            throw DataErrors.OtherSettings(folder, differences);
        if (_split)
            ShardFiles.RequireOwn(_store, folder, hasShards: Enum.GetValues<DatasetSplit>().Any(s => _store.FolderExists(ShardManifest.FolderOf(folder, s)) && Earlier(ShardManifest.FolderOf(folder, s)).Count > 0), new HashSet<string>(), _lock.FoundUnfinished);
    }

    public void Dispose() => _lock?.Dispose();

    public void Split(DatasetSplit split, IReadOnlyList<ShardItem> items, Func<ShardBuilder, int[], ShardPart> build, string content = "") =>
        Make([Plan(split, items, content)], (_, work) =>
        {
            var (target, plan, missing) = work[0];
            return missing.Select(p => (0, Write(target, p, plan.Keys[p], build(_builder ??= new(options), plan.Parts[p]))));
        });

    /// <summary>Learns how pixels are to be normalised, before the first split is made.</summary>
    /// <param name="items">The training images.</param>
    /// <param name="measure">Sums over them, where no earlier run's are known.</param>
    public void Normalize(IReadOnlyList<ShardItem> items, Func<ShardOptions, ChannelMoments> measure)
    {
        var target = Target(DatasetSplit.Train);
        RequireOwn(target);
        options = TrainingMoments.Complete(target, items, options, measure);
    }

    /// <summary>As above, by the parts' sums.</summary>
    public void Normalize(IReadOnlyList<ShardItem> items, ShardPartMaker make) =>
        Normalize(items, options =>
        {
            var target = Target(DatasetSplit.Train);
            var plan = ShardPlan.Create(items, options, content: "", measureOnly: true);
            plan.Fence = _lock.Require;
            var moments = new ChannelMoments(options.Spec.Channels);
            foreach (var (_, info) in make(folder, [new(target, plan, [.. Enumerable.Range(0, plan.Parts.Count)])]))
                moments.Add(info, options.Spec);
            return moments;
        });

    /// <summary>Plans a split's parts and finds out which of them an earlier run has left whole.</summary>
    public PlannedSplit Plan(DatasetSplit split, IReadOnlyList<ShardItem> items, string content = "")
    {
        var target = Target(split);
        var plan = ShardPlan.Create(items, options, content);
        plan.Fence = _lock.Require;
        var earlier = RequireOwn(target);
        var parts = new ShardPartInfo[plan.Parts.Count];
        var missing = new List<int>();
        for (var p = 0; p < parts.Length; p++)
        {
            cancellation.ThrowIfCancellationRequested();
            if (!earlier.TryGetValue((p, plan.Keys[p]), out var info) || IsRefused(info) || !IsWhole(target, info))
            {
                missing.Add(p);
                continue;
            }

            parts[p] = info;
            _kept++;
            for (var i = info.Count + info.BadFiles.Count; i > 0; i--)
                progress.Advance(false);
        }

        return new(split, new(target, plan, missing), parts);
    }

    /// <summary>Makes the missing parts of splits, in any order, each kept as soon as it comes, and completes the splits.</summary>
    public void Make(IReadOnlyList<PlannedSplit> splits, ShardPartMaker make)
    {
        var open = splits.Where(s => s.Work.Missing.Count > 0).ToArray();
        if (open.Length > 0)
            MakeMissing(open, make);
        foreach (var (split, work, parts) in splits)
        {
            if (parts.Sum(p => p.Count) == 0)
                throw DataErrors.NothingReadable(work.Folder, parts.Sum(p => p.BadFiles.Count), parts.SelectMany(p => p.BadFiles).First());
            var manifest = new ShardManifest { Split = ShardManifest.NameOf(split), Classes = classes, Spec = options.Spec, Float32 = options.Float32, NormalizedBy = options.NormalizedBy, Settings = ShardSettings.Of(options), Parts = parts };
            Commit(work.Folder, manifest, work.Missing.Count > 0);
            _manifests.Add(split, manifest);
        }
    }

    void MakeMissing(PlannedSplit[] open, ShardPartMaker make)
    {
        foreach (var split in open)
            Touch(split.Work.Folder);
        var journals = open.Select(s => new PartJournal(_store, s.Work.Folder)).ToArray();
        try
        {
            foreach (var (index, info) in make(folder, [.. open.Select(s => s.Work)]))
            {
                Guard(open[index].Work.Folder, () => journals[index].Add(info));
                open[index].Parts[info.Part] = info;
                _written++;
                cancellation.ThrowIfCancellationRequested();
            }

            for (var i = 0; i < open.Length; i++)
                Guard(open[i].Work.Folder, journals[i].Complete);
        }
        finally
        {
            foreach (var journal in journals)
                journal.Dispose();
        }
    }

    public ShardReport Finish(IReadOnlyList<BadFile> missing, IReadOnlyList<string> warnings)
    {
        var bad = missing.Concat(_manifests.OrderBy(m => m.Key).SelectMany(m => m.Value.Parts).SelectMany(p => p.BadFiles)).ToArray();
        Guard(folder, () =>
        {
            if (bad.Length > 0)
                BadFile.Write(bad, $"{folder}/{BadFile.FileName}", _store);
            else
                _store.Delete($"{folder}/{BadFile.FileName}");
            if (_split && (_changed || !_store.FileExists($"{folder}/{ShardManifest.SuccessName}")))
            {
                LabelsFile.Write(classes, $"{folder}/{LabelsFile.FileName}", _store);
                _store.Write($"{folder}/{ShardManifest.SuccessName}", _ => { });
            }

            _lock.Complete();
        });
        return new(folder, _manifests, _written, _kept, bad, warnings);
    }

    string Target(DatasetSplit split) => _split ? ShardManifest.FolderOf(folder, split) : folder;

    /// <summary>Refuses a folder with files that are not ours; what earlier runs left there.</summary>
    Dictionary<(int Part, string Key), ShardPartInfo> RequireOwn(string target)
    {
        var earlier = Earlier(target);
        ShardFiles.RequireOwn(_store, target, earlier.Count > 0, earlier.Values.SelectMany(part => part.Files).Select(file => file.Name).ToHashSet(), _lock.FoundUnfinished);
        return earlier;
    }

    static T Guard<T>(string path, Func<T> write)
    {
        try
        {
            return write();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw FileErrors.Unwritable(path, e);
        }
    }

    static void Guard(string path, Action write) => Guard(path, () =>
    {
        write();
        return 0;
    });

    // A folder being changed must not look complete.
    void Touch(string target) => Guard(target, () =>
    {
        _lock.Require();
        _changed = _lock.HasWritten = true;
        _store.Delete($"{folder}/{ShardManifest.SuccessName}");
        _store.Delete($"{target}/{ShardManifest.SuccessName}");
    });

    ShardPartInfo Write(string target, int part, string key, ShardPart built)
    {
        try
        {
            _lock.Require();
            return Guard(target, () => built.Write(_store, target, part, key, classes.Count));
        }
        finally
        {
            _builder!.Recycle(built);
        }
    }

    void Commit(string target, ShardManifest manifest, bool written)
    {
        var wanted = manifest.Parts.SelectMany(p => p.Files).Select(f => f.Name).ToHashSet(StringComparer.Ordinal);
        var present = _store.FolderExists(target) ? _store.List(target).Where(e => !e.IsFolder).Select(e => e.Path).ToArray() : [];
        var stale = present.Where(f => ShardFiles.IsPart(f) && !wanted.Contains(f)).ToArray();
        var complete = present.Contains(ShardManifest.FileName) && present.Contains(ShardManifest.SuccessName) && present.Contains(LabelsFile.FileName);
        if (!written && complete && stale.Length == 0 && ManifestIsSame(target, manifest))
            return;
        Touch(target);
        _lock.Require();
        Guard(target, () =>
        {
            manifest.Write(_store, target);
            foreach (var file in stale.Concat(present.Where(f => ShardFolder.IsSidecar(f) && !f.Contains('/'))))
                _store.Delete($"{target}/{file}");
        });
    }

    bool ManifestIsSame(string target, ShardManifest manifest) =>
        ManifestOf(target) is { } old && old.Split == manifest.Split && old.Parts.Count == manifest.Parts.Count && ShardSettings.Differences(old, options, classes).Count == 0;

    /// <summary>A folder's manifest; null where there is none, or a damaged one.</summary>
    ShardManifest? ManifestOf(string target)
    {
        try
        {
            return ShardManifest.Read(_store, target);
        }
        catch (MlNetCifarException)
        {
            return null;
        }
    }

    Dictionary<(int Part, string Key), ShardPartInfo> Earlier(string target)
    {
        var found = new Dictionary<(int, string), ShardPartInfo>();
        if (!_store.FolderExists(target))
            return found;
        // Without a manifest the sidecars may still know.
        foreach (var part in ManifestOf(target)?.Parts ?? [])
            found[(part.Part, part.Key)] = part;
        foreach (var part in PartJournal.Read(_store, target))
            found[(part.Part, part.Key)] = part;
        return found;
    }

    // An earlier run may have let bad files pass that this one is to fail at, or have left out pictures that are read today.
    bool IsRefused(ShardPartInfo info) => (options.OnBadImage == OnBadImage.Fail && info.BadFiles.Count > 0)
        || info.BadFiles.Any(b => b.Reason.Contains($"limit is {ShardPlan.EarlierDefault} pixels", StringComparison.Ordinal));

    bool IsWhole(string target, ShardPartInfo info)
    {
        foreach (var file in info.Files)
        {
            try
            {
                using var stream = _store.OpenRead($"{target}/{file.Name}");
                if (Convert.ToHexStringLower(SHA256.HashData(stream)) != file.Sha256)
                    return false;
                // Those of earlier versions may hold names of several lines.
                if (file == info.Files[2] && !HasNames(file.Name))
                    return false;
            }
            catch (IOException)
            {
                return false;
            }
        }

        return true;

        bool HasNames(string name)
        {
            using var reader = new StreamReader(_store.OpenRead($"{target}/{name}"));
            return ShardNames.Read(reader).Count == info.Count;
        }
    }
}

/// <summary>A split whose parts are planned.</summary>
/// <param name="Split">Which.</param>
/// <param name="Work">What is missing, which may be nothing.</param>
/// <param name="Parts">Those that are there; null for the missing ones.</param>
internal sealed record PlannedSplit(DatasetSplit Split, ShardWork Work, ShardPartInfo[] Parts);
