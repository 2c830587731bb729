using Google.Protobuf;
using MlNetCifar.Data;
using MlNetCifar.Files;
using MlNetCifar.Spark.Hdfs;
using MlNetCifar.Spark.Protos.Hadoop;
using MlNetCifar.Spark.Stage;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Spark.Hdfs;

/// <summary>Places of blocks on their way from a driver's listing to a worker.</summary>
[TestClass]
public sealed class BlockPlacesTests
{
    const string Root = "/photos";

    static DatanodeInfoProto Node(int number, string? host = null) => new() { Id = new() { IpAddr = $"10.0.0.{number}", HostName = host ?? $"dn{number}.example", XferPort = 9866 } };

    static LocatedBlocksProto Located(ulong block, ulong length, IEnumerable<DatanodeInfoProto> nodes, string pool = "BP-1", string password = "") => new()
    {
        FileLength = length,
        UnderConstruction = false,
        Blocks =
        {
            new LocatedBlockProto
            {
                B = new() { PoolId = pool, BlockId = block, GenerationStamp = block + 1000, NumBytes = length },
                Offset = 0,
                Corrupt = false,
                BlockToken = new() { Identifier = ByteString.Empty, Password = ByteString.CopyFromUtf8(password), Kind = "", Service = "" },
                Locs = { nodes },
            },
        },
    };

    static LocatedBlockProto?[] Sent(BlockPlaces places, params ShardItem[] items)
    {
        using var folder = new TestFolder();
        new PartTask(3, 1, "key", items).Write(LocalFileStore.Instance, folder.Root, places, Root + "/");
        using var task = new PartTaskReader(LocalFileStore.Instance, folder.Root, 3);
        var read = task.PlacedItems().ToArray();
        CollectionAssert.AreEqual(items, read.Select(r => r.Item).ToArray());
        return [.. read.Select(r => r.Block)];
    }

    [TestMethod]
    public void Places_ArriveAsTheyWereListed()
    {
        var places = new BlockPlaces();
        var (a, b) = (Located(ulong.MaxValue - 2000, 17, [Node(1), Node(2), Node(3), Node(4)]), Located(1_073_741_825, 4, [Node(2)]));
        places.Note($"{Root}/cat/ü 1.jpg", a);
        places.Note($"{Root}/dog/1.jpg", b);
        var sent = Sent(places, new("dog/1.jpg", 1, 4), new("cat/ü 1.jpg", 0, 17), new("cat/2.jpg", 0, 5));
        Assert.AreEqual(b.Blocks[0], sent[0]);
        // Three copies are enough.
        a.Blocks[0].Locs.RemoveAt(3);
        Assert.AreEqual(a.Blocks[0], sent[1]);
        Assert.IsNull(sent[2]);
    }

    [TestMethod]
    public void CopyOfThisMachine_IsReadFirst()
    {
        var places = new BlockPlaces();
        var here = Node(2, $"{Environment.MachineName}.example");
        places.Note($"{Root}/a.jpg", Located(1, 9, [Node(1), here, Node(3)]));
        Assert.AreEqual(here, Sent(places, new ShardItem("a.jpg", 0, 9))[0]!.Locs[0]);
    }

    [TestMethod]
    public void WhatCannotBeReadByItsBlockAlone_IsNotNoted()
    {
        var places = new BlockPlaces(most: 2);
        var several = Located(1, 9, [Node(1)]);
        several.Blocks.Add(several.Blocks[0].Clone());
        places.Note("/several", several);
        places.Note("/secured", Located(2, 9, [Node(1)], password: "secret"));
        places.Note("/lost", Located(3, 9, []));
        Assert.AreEqual(0, places.Count);
        places.Note("/one", Located(4, 9, [Node(1)]));
        places.Note("/other", Located(5, 9, [Node(1)], pool: "BP-2"));
        places.Note("/two", Located(6, 9, [Node(1)]));
        places.Note("/three", Located(7, 9, [Node(1)]));
        Assert.AreEqual(2, places.Count, "of one pool, and as many as there may be");
    }
}
