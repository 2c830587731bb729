using System.Collections.Concurrent;
using Google.Protobuf;
using MlNetCifar.Spark.Protos.Hadoop;

namespace MlNetCifar.Spark.Hdfs;

/// <summary>
/// Says where the blocks of files lie, for programs that read many small files: one call a file at first, and once a folder has cost about as much as
/// listing it with its blocks would, the listing. Listed places are handed out once; they are a few seconds old, which the reader must expect. Thread-safe.
/// </summary>
/// <param name="nameNodes">Whom to ask.</param>
/// <param name="user">Who reads.</param>
sealed class BlockLocator(NameNodeClient nameNodes, string user)
{
    /// <summary>Entries of a listing that cost a name node about as much as one call.</summary>
    const int EntriesPerCall = 32;

    /// <summary>Entries of one answer: how many there are is known only after the first.</summary>
    const int BatchEntries = 1000;

    /// <summary>More places would take too much memory: about 400 bytes each, in the form they came in; as objects it would be four times that.</summary>
    const int MaxEntries = 100_000;

    readonly ConcurrentDictionary<string, Folder> _folders = new(StringComparer.Ordinal);
    int _listed;

    /// <summary>The places of a file's blocks; null where the name node knows no such file.</summary>
    public LocatedBlocksProto? Locate(string path, int length)
    {
        var slash = path.LastIndexOf('/');
        var folder = _folders.GetOrAdd(path[..slash], _ => new());
        if (folder.IsListingDue())
        {
            lock (folder)
            {
                if (folder.Places is null && folder.IsListingDue())
                    List(path[..slash], folder);
            }
        }

        if (folder.Places is { } places && places.TryRemove(path[(slash + 1)..], out var listed))
            return LocatedBlocksProto.Parser.ParseFrom(listed);
        Interlocked.Increment(ref folder.Calls);
        return nameNodes.Call(c => c.GetBlockLocations(path, length));
    }

    void List(string path, Folder folder)
    {
        var places = new ConcurrentDictionary<string, byte[]>(StringComparer.Ordinal);
        for (var after = ByteString.Empty; ;)
        {
            var listing = nameNodes.Call(c => c.GetListing(path.Length == 0 ? "/" : path, after));
            if (listing is null || listing.PartialListing.Count == 0)
                break;
            foreach (var file in listing.PartialListing)
                if (file.Locations is { } blocks && ReadPermission.IsGiven(file, user))
                    places[file.Path.ToStringUtf8()] = blocks.ToByteArray();
            var total = places.Count + (int)Math.Min(listing.RemainingEntries, int.MaxValue / 2);
            folder.Entries = total > MaxEntries - Volatile.Read(ref _listed) ? int.MaxValue : total;
            if (!folder.IsListingDue())
                return;
            if (listing.RemainingEntries == 0)
                break;
            after = listing.PartialListing[^1].Path;
        }

        Interlocked.Add(ref _listed, places.Count);
        folder.Places = places;
    }

    sealed class Folder
    {
        public int Calls;
        public volatile int Entries = BatchEntries;
        public volatile ConcurrentDictionary<string, byte[]>? Places;

        public bool IsListingDue() => Places is null && (long)Volatile.Read(ref Calls) * EntriesPerCall >= Entries;
    }
}
