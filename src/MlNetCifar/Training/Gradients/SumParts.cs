namespace MlNetCifar.Training;

/// <summary>
/// The floats of a sum in parts, which are sent one by one. The first part is the end of the floats, for that is where a backward pass begins: what is behind the gradients is known before it, and layers are
/// passed from the last to the first.
/// </summary>
/// <param name="Length">Floats of the sum.</param>
internal readonly record struct SumParts(int Length)
{
    const int Most = 8;

    /// <summary>Floats of a part at least, unless the sum has fewer: of a shorter one a worker's share would be a message of little but its head.</summary>
    const int Least = 512;

    /// <summary>Floats of a cache line: parts end with one where the sum does.</summary>
    const int Unit = 16;

    int Size => Math.Max(Least, ((Length / Most) + Unit) / Unit * Unit);

    /// <summary>How many there are.</summary>
    public int Count => (Length + Size - 1) / Size;

    /// <summary>The floats of a part.</summary>
    /// <param name="part">From 0.</param>
    public (int First, int End) this[int part] => (Math.Max(0, Length - ((part + 1) * Size)), Length - (part * Size));

    /// <summary>How many parts are final when the floats from one on are.</summary>
    public int FinalFrom(int first) => first == 0 ? Count : (Length - first) / Size;
}
