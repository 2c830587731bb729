using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;

namespace MlNetCifar.Numerics;

/// <summary>The micro-kernels of one lane width: every number of rows up to <see cref="MaxRows"/>, one or two vectors wide.</summary>
internal sealed unsafe class TileSet
{
    static TileSet? s_bits512;
    static TileSet? s_bits256;
    static TileSet? s_bits128;
    static TileSet? s_scalar;

    readonly delegate*<DotTileArgs*, void>[] _dot = new delegate*<DotTileArgs*, void>[26];
    readonly delegate*<OuterTileArgs*, void>[] _outer = new delegate*<OuterTileArgs*, void>[26];

    TileSet(int lanes, int maxRows)
    {
        Lanes = lanes;
        MaxRows = maxRows;
    }

    /// <summary>Floats of a vector.</summary>
    public int Lanes { get; }

    /// <summary>Floats of a full panel: two vectors.</summary>
    public int Panel => 2 * Lanes;

    /// <summary>Rows of the largest tile: 2 accumulators each, beside 2 panel vectors and 1 broadcast in the register file.</summary>
    public int MaxRows { get; }

    /// <summary>The kernels of a width; built once, so that a call allocates nothing.</summary>
    public static TileSet For(SimdWidth width) => width switch
    {
        SimdWidth.Bits512 => s_bits512 ??= Create(width),
        SimdWidth.Bits256 => s_bits256 ??= Create(width),
        SimdWidth.Bits128 => s_bits128 ??= Create(width),
        _ => s_scalar ??= Create(width),
    };

    static TileSet Create(SimdWidth width) => width switch
    {
        SimdWidth.Bits512 => Build<Lanes512, Vector512<float>>(12),
        SimdWidth.Bits256 => Build<Lanes256, Vector256<float>>(6),
        SimdWidth.Bits128 => Build<Lanes128, Vector128<float>>(AdvSimd.IsSupported ? 12 : 6),
        _ => Build<Lanes1, float>(4),
    };

    /// <summary>Runs a tile of <paramref name="rows"/> × <paramref name="vectors"/>.</summary>
    public void Dot(int rows, int vectors, DotTileArgs* args) => _dot[(rows * 2) + vectors - 1](args);

    /// <inheritdoc cref="Dot"/>
    public void Outer(int rows, int vectors, OuterTileArgs* args) => _outer[(rows * 2) + vectors - 1](args);

    static TileSet Build<TLanes, V>(int maxRows)
        where TLanes : struct, ILanes<V>
        where V : struct
    {
        var set = new TileSet(TLanes.Count, maxRows);
        set.Add<TLanes, V, Count1>();
        set.Add<TLanes, V, Count2>();
        set.Add<TLanes, V, Count3>();
        set.Add<TLanes, V, Count4>();
        set.Add<TLanes, V, Count5>();
        set.Add<TLanes, V, Count6>();
        if (maxRows > 6)
        {
            set.Add<TLanes, V, Count7>();
            set.Add<TLanes, V, Count8>();
            set.Add<TLanes, V, Count9>();
            set.Add<TLanes, V, Count10>();
            set.Add<TLanes, V, Count11>();
            set.Add<TLanes, V, Count12>();
        }

        return set;
    }

    void Add<TLanes, V, TRows>()
        where TLanes : struct, ILanes<V>
        where V : struct
        where TRows : struct, ICount
    {
        var index = TRows.Value * 2;
        _dot[index] = &DotTile.Run<TLanes, V, TRows, Count1>;
        _dot[index + 1] = &DotTile.Run<TLanes, V, TRows, Count2>;
        _outer[index] = &OuterTile.Run<TLanes, V, TRows, Count1>;
        _outer[index + 1] = &OuterTile.Run<TLanes, V, TRows, Count2>;
    }
}
