namespace MlNetCifar.Data;

/// <summary>A public data set that can be downloaded.</summary>
/// <param name="Name">As in <c>dataset get NAME</c>.</param>
/// <param name="Description">One line.</param>
/// <param name="Address">Where the archive lies.</param>
/// <param name="FileName">The archive's name on disk.</param>
/// <param name="Length">Bytes of the archive; 0 where unknown.</param>
/// <param name="Md5">MD5 that its authors publish, 32 lower-case hexadecimal digits.</param>
public sealed record KnownDataset(string Name, string Description, Uri Address, string FileName, long Length, string Md5)
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<KnownDataset> All { get; } =
    [
        new("cifar10", "CIFAR-10: 60,000 photographs of 32×32 in 10 classes, binary version", new("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"),
            "cifar-10-binary.tar.gz", 170_052_171, "c32a1d4ab5d03f1284b67883e8d87530"),
        new("cifar100", "CIFAR-100: 60,000 photographs of 32×32 in 100 classes, binary version", new("https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz"),
            "cifar-100-binary.tar.gz", 0, "03b5dce01913d631647c71ecec9e9cb8"),
    ];

    /// <summary>A data set by its name.</summary>
    /// <param name="name">Case does not matter.</param>
    /// <exception cref="MlNetCifarException">There is none of that name (MNC1040).</exception>
    public static KnownDataset Find(string name) =>
        All.FirstOrDefault(d => d.Name.Equals(name, StringComparison.OrdinalIgnoreCase)) ?? throw DataErrors.UnknownDataset(name, All.Select(d => d.Name));

    /// <summary>Downloads the archive, or finds it already there: what an interrupted download left is continued, and only a file with the right checksum gets its name.</summary>
    /// <param name="client">Carries the requests; not disposed.</param>
    /// <param name="folder">Where the archive goes.</param>
    /// <param name="progress">Told about ten times a second.</param>
    /// <param name="cancellation">Ends the download; what came is kept for the next time.</param>
    /// <returns>The archive's path.</returns>
    /// <exception cref="MlNetCifarException">The server refuses or cannot be reached (MNC1041), the checksum is wrong (MNC1042), or the disk is full (MNC1024).</exception>
    public Task<string> DownloadAsync(HttpClient client, string folder, IProgress<DownloadProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        return new DatasetDownloader(client).DownloadAsync(this, folder, progress, cancellation);
    }
}
