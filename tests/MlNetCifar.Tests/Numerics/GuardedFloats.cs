namespace MlNetCifar.Tests.Numerics;

/// <summary>Floats between canaries: reading outside them yields NaN, writing outside them is noticed.</summary>
internal sealed class GuardedFloats
{
    const int Guard = 80;
    static readonly uint s_canary = 0x7FC0BEEF;

    readonly float[] _all;

    public GuardedFloats(int length)
    {
        Length = length;
        _all = new float[length + (2 * Guard)];
        Array.Fill(_all, BitConverter.UInt32BitsToSingle(s_canary));
    }

    public GuardedFloats(float[] values)
        : this(values.Length) => values.CopyTo(Span);

    public int Length { get; }

    public Span<float> Span => _all.AsSpan(Guard, Length);

    /// <summary>Fails when a canary has changed.</summary>
    public void Check(string what)
    {
        for (var i = 0; i < Guard; i++)
        {
            Assert.AreEqual(s_canary, BitConverter.SingleToUInt32Bits(_all[i]), $"{what}: written {Guard - i} before the start");
            Assert.AreEqual(s_canary, BitConverter.SingleToUInt32Bits(_all[^(i + 1)]), $"{what}: written {Guard - i} behind the end");
        }
    }
}
