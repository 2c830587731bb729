namespace MlNetCifar.Evaluation;

/// <summary>
/// A sum of doubles in 128-bit fixed point, in units of 2⁻⁸⁰. Every term is cut to that unit before it is added, so that the sum does not
/// depend on the order of the terms or on how they were split into parts. Holds |sum| &lt; 2⁴⁷.
/// </summary>
internal struct FixedSum
{
    const int FractionBits = 80;

    Int128 _units;

    /// <summary>Adds one term.</summary>
    /// <param name="term">Finite, |term| &lt; 2⁴⁰.</param>
    public void Add(double term) => _units += (Int128)Math.ScaleB(term, FractionBits);

    /// <summary>Adds another sum; exact.</summary>
    public void Add(FixedSum other) => _units += other._units;

    /// <summary>The sum, rounded once.</summary>
    public readonly double Value => Math.ScaleB((double)_units, -FractionBits);

    /// <summary>Upper half of the units, for storage.</summary>
    public readonly long High => (long)(_units >> 64);

    /// <summary>Lower half of the units, for storage.</summary>
    public readonly ulong Low => (ulong)(_units & ulong.MaxValue);

    /// <summary>Restores a stored sum.</summary>
    public static FixedSum From(long high, ulong low) => new() { _units = ((Int128)high << 64) | low };
}
