namespace MlNetCifar.Data.Catalog;

/// <summary>What a layout finds in a tree.</summary>
internal sealed record CatalogListing(
    IReadOnlyList<string> Classes, IReadOnlyList<ImageRef> Images, IReadOnlyList<string> Warnings, IReadOnlyList<BadFile> BadFiles);
