using System.Runtime.InteropServices;

namespace MlNetCifar.Numerics;

/// <summary>
/// One block of native floats, 64-byte aligned and zeroed, that owns the memory of many tensors.
/// Disposing it (or losing the last reference) frees the block; spans taken from it are invalid afterwards.
/// </summary>
internal sealed unsafe class Arena : SafeHandle
{
    /// <summary>Tensors start at multiples of this many floats (64 bytes), so that every one is cache-line aligned.</summary>
    public const int Alignment = 16;

    /// <summary>Allocates the block.</summary>
    /// <param name="length">Floats, ≥ 0.</param>
    public Arena(long length)
        : base(0, ownsHandle: true)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        Length = length;
        var bytes = (nuint)(Math.Max(length, 1) * sizeof(float));
        SetHandle((nint)NativeMemory.AlignedAlloc(bytes, 64));
        NativeMemory.Clear((void*)handle, bytes);
        GC.AddMemoryPressure((long)bytes);
    }

    /// <summary>Floats in the block.</summary>
    public long Length { get; }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <summary>Rounds a tensor's length up so that the next tensor is aligned.</summary>
    /// <param name="length">Floats.</param>
    public static long Align(long length) => (length + Alignment - 1) & ~(long)(Alignment - 1);

    /// <summary>A view of part of the block.</summary>
    /// <param name="offset">First float.</param>
    /// <param name="length">Floats in the view.</param>
    /// <exception cref="ArgumentOutOfRangeException">The view leaves the block.</exception>
    /// <exception cref="ObjectDisposedException">The block was freed.</exception>
    public Span<float> Span(long offset, int length)
    {
        ObjectDisposedException.ThrowIf(IsClosed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset + length, Length, nameof(length));
        return new Span<float>((float*)handle + offset, length);
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        NativeMemory.AlignedFree((void*)handle);
        GC.RemoveMemoryPressure(Math.Max(Length, 1) * sizeof(float));
        return true;
    }
}
