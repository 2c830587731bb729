using MlNetCifar.Numerics;

namespace MlNetCifar.Nn;

/// <summary>A piece of the network's arena: wanted during an interval of the step's timeline, placed by the planner.</summary>
/// <param name="name">For the printed plan.</param>
/// <param name="length">Floats.</param>
internal sealed class PlannedBuffer(string name, long length)
{
    Arena? _arena;

    public string Name { get; } = name;

    public long Length { get; private set; } = length;

    /// <summary>First moment of use; <see cref="int.MaxValue"/> before any.</summary>
    public int First { get; private set; } = int.MaxValue;

    /// <summary>Last moment of use.</summary>
    public int Last { get; private set; } = -1;

    /// <summary>Place in the arena.</summary>
    public long Offset { get; private set; } = -1;

    /// <summary>Floats in front of those that the ops are given now.</summary>
    public long Skipped { get; set; }

    /// <summary>Makes it at least that long; before placing only.</summary>
    public void Grow(long length) => Length = Math.Max(Length, length);

    /// <summary>Makes it that long; before placing only.</summary>
    public void Shrink(long length) => Length = length;

    /// <summary>Notes a use.</summary>
    public void Touch(int moment)
    {
        First = Math.Min(First, moment);
        Last = Math.Max(Last, moment);
    }

    public void Place(long offset) => Offset = offset;

    public void Bind(Arena arena) => _arena = arena;

    /// <summary>The first <paramref name="length"/> floats.</summary>
    public Span<float> Span(int length) => _arena!.Span(Offset + Skipped, length);

    /// <summary>All of it.</summary>
    public Span<float> Span() => _arena!.Span(Offset, (int)Length);

    public bool Overlaps(PlannedBuffer other) => First <= other.Last && other.First <= Last;
}

/// <summary>Places buffers so that those alive at the same moment never share memory: largest first, each at the lowest offset that is free.</summary>
internal static class MemoryPlanner
{
    /// <summary>Places all buffers.</summary>
    /// <param name="buffers">Each with its interval noted; those without a use get no memory.</param>
    /// <returns>Floats the arena needs.</returns>
    public static long Place(IReadOnlyCollection<PlannedBuffer> buffers)
    {
        var placed = new List<PlannedBuffer>();
        var end = 0L;
        foreach (var buffer in buffers.Where(b => b.Last >= 0).OrderByDescending(b => b.Length).ThenBy(b => b.First))
        {
            var offset = 0L;
            foreach (var other in placed.Where(buffer.Overlaps).OrderBy(b => b.Offset))
            {
                if (other.Offset - offset >= Arena.Align(buffer.Length))
                    break;
                offset = Math.Max(offset, other.Offset + Arena.Align(other.Length));
            }

            buffer.Place(offset);
            placed.Add(buffer);
            end = Math.Max(end, offset + Arena.Align(buffer.Length));
        }

        return end;
    }

    /// <summary>Places every buffer in memory of its own, for looking at values that would be overwritten.</summary>
    /// <param name="buffers">Each with its interval noted.</param>
    /// <returns>Floats the arena needs.</returns>
    public static long PlaceApart(IEnumerable<PlannedBuffer> buffers)
    {
        var end = 0L;
        foreach (var buffer in buffers)
        {
            buffer.Place(end);
            end += Arena.Align(buffer.Length);
        }

        return end;
    }
}
