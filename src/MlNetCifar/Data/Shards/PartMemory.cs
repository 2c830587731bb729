namespace MlNetCifar.Data;

/// <summary>What a part is built in. The next part of about the same size takes it over: left to the collector, it would lie about until there is much of it.</summary>
internal sealed class PartMemory
{
    /// <summary>Chunks of rows; see <see cref="RowBuffer"/>.</summary>
    public List<byte[]> Rows { get; } = [];

    /// <summary>Names, packed.</summary>
    public MemoryStream Names { get; } = new();
}
