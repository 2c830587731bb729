using Google.Protobuf;
using MlNetCifar.Spark.Protos.Hadoop;

namespace MlNetCifar.Spark.Hdfs;

/// <summary>
/// The everyday operations on small files, done the way Hadoop's own client does them: calls to the name node, blocks from and to the data nodes.
/// WebHDFS needs two requests and a new HDFS client inside the data node for each file. It is a short cut and nothing more: where anything
/// is unusual (another authentication, encryption, erasure coding, a fault) a method says no, and WebHDFS gives the answer or the error.
/// So each operation is one that may safely be done again. Thread-safe; it blocks.
/// </summary>
sealed class NativeHdfs : IDisposable
{
    const int MaxFailures = 3;
    const long RetryAfter = 30_000;
    const int FileType = 2;
    const int NewFile = 0x1B6; // 0666
    const int UsualUmask = 0x12; // 0022: WebHDFS's own default is 0644
    const uint CreateAndOverwrite = 3;
    const int CompleteAttempts = 12;

    readonly string _client = $"mlnetcifar_{Guid.NewGuid():N}";
    readonly NameNodeClient? _nameNodes;
    readonly BlockLocator? _locator;
    readonly BlockPool _blocks;
    readonly WebHdfsOptions _options;
    readonly HdfsContact _contact;
    readonly Lazy<FsServerDefaultsProto?> _defaults;
    long _lastFailure;
    int _failures;

    /// <summary>Connects to nothing yet.</summary>
    /// <param name="options">With RPC addresses, tried in turn; without them, or with a token, nothing is done this way.</param>
    /// <param name="contact">Told of answers.</param>
    public NativeHdfs(WebHdfsOptions options, HdfsContact contact)
    {
        (_options, _contact) = (options, contact);
        _blocks = new(options.Timeout, options.UseDataNodeNames);
        _defaults = new(() => Call("getServerDefaults", new GetServerDefaultsRequestProto(), GetServerDefaultsResponseProto.Parser).ServerDefaults, LazyThreadSafetyMode.PublicationOnly);
        if (options.RpcNodes.Count == 0 || options.DelegationToken is not null)
            return;
        _nameNodes = new(options.RpcNodes, options.User, options.Timeout);
        _locator = new(_nameNodes, options.User);
    }

    /// <summary>Whether this way is tried: after three failures in a row it is not, for half a minute.</summary>
    public bool IsUsable => _nameNodes is not null && (Volatile.Read(ref _failures) < MaxFailures || Environment.TickCount64 - Volatile.Read(ref _lastFailure) > RetryAfter);

    /// <summary>Reads a file of a known length; false where it has another, or where it could not be read this way. The destination may be written to all the same.</summary>
    public bool TryRead(string path, Span<byte> destination)
    {
        if (!IsUsable || destination.IsEmpty)
            return false;
        try
        {
            if (_locator!.Locate(path, destination.Length) is not { } located || !IsPlain(located, destination.Length))
                return false;
            foreach (var block in located.Blocks)
                _blocks.Read(block, destination.Slice((int)block.Offset, (int)block.B.NumBytes));
            return Succeeded();
        }
        catch (Exception e) when (IsExpected(e))
        {
            return Failed(e);
        }
    }

    /// <summary>Reads small files of known lengths, all of a data node's in one go, and notes which were read.</summary>
    public void TryReadAll(IReadOnlyList<SmallFile> files)
    {
        if (!IsUsable)
            return;
        try
        {
            foreach (var file in files)
                if (!file.Destination.IsEmpty)
                    file.Block ??= Only(_locator!.Locate(file.Path, file.Destination.Length), file.Destination.Length);
            _blocks.ReadAll(files.Where(f => f.Block is not null && !f.Destination.IsEmpty));
            if (files.Any(f => f.IsRead))
                Succeeded();
        }
        catch (Exception e) when (IsExpected(e))
        {
            Failed(e);
        }
    }

    static LocatedBlockProto? Only(LocatedBlocksProto? located, int length) => located is { Blocks: [var block] } && IsPlain(located, length) ? block : null;

    /// <summary>Writes a file whole, over one that is there; false where it could not be written this way: then a part of it may be there.</summary>
    /// <param name="path">A name nobody else uses.</param>
    /// <param name="content">At most a block.</param>
    public bool TryWrite(string path, ReadOnlySpan<byte> content)
    {
        if (!IsUsable)
            return false;
        try
        {
            if (_defaults.Value is not { } defaults || (ulong)content.Length > defaults.BlockSize || defaults.EncryptDataTransfer)
                return false;
            var created = Call("create", new CreateRequestProto
            {
                Src = path,
                Masked = new() { Perm = (uint)(NewFile & ~(_options.Umask ?? UsualUmask)) },
                ClientName = _client,
                CreateFlag = CreateAndOverwrite,
                CreateParent = true,
                Replication = (uint?)_options.Replication ?? defaults.Replication,
                BlockSize = defaults.BlockSize,
            }, CreateResponseProto.Parser).Fs;
            if (created is null || created.HasFileEncryptionInfo || created.HasEcPolicy)
                return false;
            var complete = new CompleteRequestProto { Src = path, ClientName = _client, FileId = created.FileId };
            if (!content.IsEmpty)
                complete.Last = WriteBlock(path, created.FileId, content);
            return Complete(complete) && Succeeded(hasChanged: true);
        }
        catch (Exception e) when (IsExpected(e))
        {
            return Failed(e);
        }
    }

    /// <summary>Renames a file; false where that is not known to have happened, as where the name is taken and may not be.</summary>
    public bool TryRename(string from, string to, bool overwrite = true) =>
        TryCall("rename2", new Rename2RequestProto { Src = from, Dst = to, OverwriteDest = overwrite }, Rename2ResponseProto.Parser, out _, isChange: true);

    /// <summary>Deletes a file or folder, or finds none; false where that is not known to have happened.</summary>
    public bool TryDelete(string path, bool recursive) => TryCall("delete", new DeleteRequestProto { Src = path, Recursive = recursive }, DeleteResponseProto.Parser, out _, isChange: true);

    /// <summary>Asks for a file's or folder's status, null where there is none; false where it is not known.</summary>
    public bool TryGetStatus(string path, out HdfsStatus? status)
    {
        var isKnown = TryCall("getFileInfo", new GetFileInfoRequestProto { Src = path }, GetFileInfoResponseProto.Parser, out var response);
        status = response?.Fs is { } fs ? Status(fs, "") : null;
        return isKnown;
    }

    /// <summary>Lists some of a folder's children in the order of their names; false where there is no such folder or it is not known.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="after">The name before the first that is wanted; empty for the start.</param>
    /// <param name="entries">The children; a file lists itself, without a name.</param>
    /// <param name="isLast">Whether there are no more.</param>
    /// <param name="places">Where the places of blocks are noted, which are then asked for; may be null.</param>
    public bool TryList(string folder, string after, out HdfsStatus[] entries, out bool isLast, BlockPlaces? places = null)
    {
        (entries, isLast) = ([], false);
        var request = new GetListingRequestProto { Src = folder, StartAfter = ByteString.CopyFromUtf8(after), NeedLocation = places is not null };
        if (!TryCall("getListing", request, GetListingResponseProto.Parser, out var response) || response?.DirList is not { } listing)
            return false;
        entries = [.. listing.PartialListing.Select(e => Status(e, e.Path.ToStringUtf8()))];
        if (places is not null)
        {
            foreach (var (entry, file) in entries.Zip(listing.PartialListing))
                if (file.Locations is { } located && IsPlain(located, entry.Length) && ReadPermission.IsGiven(file, _options.User))
                    places.Note($"{folder.TrimEnd('/')}/{entry.Name}", located);
        }

        isLast = listing.RemainingEntries == 0;
        return isLast || (entries.Length > 0 && entries[^1].Name != after);
    }

    public void Dispose()
    {
        _nameNodes?.Dispose();
        _blocks.Dispose();
    }

    static HdfsStatus Status(HdfsFileStatusProto file, string name) =>
        new(name, (long)file.Length, file.FileType != FileType, DateTimeOffset.FromUnixTimeMilliseconds((long)file.ModificationTime));

    // The blocks must follow each other and cover the file, as their lengths are trusted from here on.
    static bool IsPlain(LocatedBlocksProto located, long length)
    {
        if (located.FileLength != (ulong)length || located.UnderConstruction || located.HasFileEncryptionInfo || located.HasEcPolicy)
            return false;
        var end = 0UL;
        foreach (var block in located.Blocks)
        {
            if (block.Corrupt || block.Locs.Count == 0 || block.Offset != end || block.B.NumBytes > (ulong)length - end)
                return false;
            end += block.B.NumBytes;
        }

        return end == (ulong)length;
    }

    ExtendedBlockProto WriteBlock(string path, ulong file, ReadOnlySpan<byte> content)
    {
        var block = Call("addBlock", new AddBlockRequestProto { Src = path, ClientName = _client, FileId = file }, AddBlockResponseProto.Parser).Block;
        if (block.Locs.Count == 0)
            throw new InvalidDataException("The name node names no data node.");
        using (var stream = _blocks.Open(block.Locs[0].Id))
            BlockWriter.Write(stream, _client, block, content);
        var last = block.B.Clone();
        last.NumBytes = (ulong)content.Length;
        return last;
    }

    // The name node agrees once a data node has reported the block, which it does at once, though on another connection.
    bool Complete(CompleteRequestProto request)
    {
        for (var i = 0; i < CompleteAttempts; i++)
        {
            if (Call("complete", request, CompleteResponseProto.Parser).Result)
                return true;
            Thread.Sleep(1 << i);
        }

        return false;
    }

    T Call<T>(string method, IMessage request, MessageParser<T> parser)
        where T : IMessage<T> => _nameNodes!.Call(c => c.Call(method, request, parser));

    bool TryCall<T>(string method, IMessage request, MessageParser<T> parser, out T? response, bool isChange = false)
        where T : class, IMessage<T>
    {
        response = null;
        if (!IsUsable)
            return false;
        try
        {
            response = Call(method, request, parser);
            return Succeeded(isChange);
        }
        catch (Exception e) when (IsExpected(e))
        {
            return Failed(e);
        }
    }

    static bool IsExpected(Exception e) => e is HadoopRpcException or IOException or InvalidDataException or InvalidProtocolBufferException or ObjectDisposedException;

    bool Succeeded(bool hasChanged = false)
    {
        _contact.Answered(hasChanged);
        Volatile.Write(ref _failures, 0);
        return true;
    }

    // A refusal is an answer: the connection is sound, and WebHDFS will name the reason.
    bool Failed(Exception e)
    {
        if (e is HadoopRpcException)
            return false;
        Volatile.Write(ref _lastFailure, Environment.TickCount64);
        Interlocked.Increment(ref _failures);
        return false;
    }
}
