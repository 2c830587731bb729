using MlNetCifar.Spark.Protos.Hadoop;

namespace MlNetCifar.Spark.Hdfs;

/// <summary>A small file that is read with others.</summary>
/// <param name="path">Its path.</param>
/// <param name="destination">Where its bytes go: as many as it has.</param>
/// <param name="block">Its only block, where that is known already; else the name node is asked.</param>
sealed class SmallFile(string path, Memory<byte> destination, LocatedBlockProto? block = null)
{
    public string Path => path;

    public Memory<byte> Destination => destination;

    public LocatedBlockProto? Block { get; set; } = block;

    /// <summary>Whether it was read; the others are to be read alone, which tells why they were not.</summary>
    public bool IsRead { get; set; }
}
