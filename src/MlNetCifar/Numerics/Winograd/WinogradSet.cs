using System.Runtime.Intrinsics;

namespace MlNetCifar.Numerics;

/// <summary>The Winograd transforms of one lane width.</summary>
internal sealed unsafe class WinogradSet
{
    WinogradSet()
    {
    }

    public delegate*<TileWindow*, float*, nint, float*, void> Input { get; private init; }

    public delegate*<TileWindow*, float*, nint, float*, void> Gradient { get; private init; }

    public delegate*<float*, nint, float*, float, TileWindow*, void> Output { get; private init; }

    public delegate*<float*, nint, int, float*, nint, void> Filter { get; private init; }

    public delegate*<float*, nint, float*, nint, float*, void> FilterGradient { get; private init; }

    /// <summary>The transforms of a width.</summary>
    public static WinogradSet For(int lanes) => lanes switch
    {
        16 => Build<Lanes512, Vector512<float>>(),
        8 => Build<Lanes256, Vector256<float>>(),
        4 => Build<Lanes128, Vector128<float>>(),
        _ => Build<Lanes1, float>(),
    };

    static WinogradSet Build<TLanes, V>()
        where TLanes : struct, ILanes<V>
        where V : struct
        => new()
        {
            Input = &WinogradTransforms.Input<TLanes, V>,
            Gradient = &WinogradTransforms.Gradient<TLanes, V>,
            Output = &WinogradTransforms.Output<TLanes, V>,
            Filter = &WinogradFilters.Filter<TLanes, V>,
            FilterGradient = &WinogradFilters.Gradient<TLanes, V>,
        };
}
