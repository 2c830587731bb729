namespace MlNetCifar.Data;

/// <summary>What a layout finds in a tree.</summary>
internal sealed record CatalogListing(
    IReadOnlyList<string> Classes, ImageList Images, IReadOnlyList<string> Warnings, IReadOnlyList<BadFile> BadFiles)
{
    /// <summary>What would have been an error were the options not tolerant.</summary>
    public IReadOnlyList<MlNetCifarException> Problems { get; init; } = [];
}
