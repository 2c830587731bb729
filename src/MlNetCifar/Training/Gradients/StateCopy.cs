using MlNetCifar.Numerics;

namespace MlNetCifar.Training;

/// <summary>A copy of some blocks as they were.</summary>
internal sealed class StateCopy : IDisposable
{
    readonly IReadOnlyList<StateBlock> _blocks;
    readonly Arena _values;

    /// <summary>Takes the memory.</summary>
    /// <param name="blocks">What is copied.</param>
    public StateCopy(IReadOnlyList<StateBlock> blocks)
    {
        _blocks = blocks;
        _values = new Arena(blocks.Sum(block => (long)block.Values().Length));
        var copies = new List<StateBlock>();
        var at = 0;
        foreach (var block in blocks)
        {
            var (offset, length) = (at, block.Values().Length);
            copies.Add(new(block.Name, () => _values.Span(offset, length)));
            at += length;
        }

        Blocks = copies;
    }

    /// <summary>The copies.</summary>
    public IReadOnlyList<StateBlock> Blocks { get; }

    /// <summary>Notes the blocks as they are.</summary>
    public void Save()
    {
        for (var i = 0; i < _blocks.Count; i++)
            _blocks[i].Values().CopyTo(Blocks[i].Values());
    }

    /// <summary>Makes them what they were.</summary>
    public void Restore()
    {
        for (var i = 0; i < _blocks.Count; i++)
            Blocks[i].Values().CopyTo(_blocks[i].Values());
    }

    public void Dispose() => _values.Dispose();
}
