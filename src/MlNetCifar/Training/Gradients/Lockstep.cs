using MlNetCifar.Nn;

namespace MlNetCifar.Training;

/// <summary>
/// Slices of one batch, each in a network of its own, that wait for one another wherever a layer looks at the whole batch: batch normalisation takes mean and deviation over all slices, and backward the two
/// sums of its gradient. After the first batch nothing is allocated.
/// </summary>
/// <param name="network">That of the first slice; borrowed.</param>
/// <param name="compile">Makes another of the same weights.</param>
internal sealed class Lockstep(Network network, Func<Network> compile) : IDisposable
{
    readonly List<Network> _networks = [network];
    readonly double[] _total = new double[network.MostSums];
    double[] _sums = [];
    int _count;
    int _first;

    /// <summary>Takes slices, whose pictures are then put into <see cref="Slice"/>.</summary>
    /// <param name="first">The first of them.</param>
    /// <param name="count">How many, ≥ 1.</param>
    public void Begin(int first, int count)
    {
        (_first, _count) = (first, count);
        while (_networks.Count < count)
            _networks.Add(compile());
        if (_sums.Length < count * _total.Length)
            _sums = new double[count * _total.Length];
    }

    /// <summary>The network of a slice.</summary>
    /// <param name="index">From 0.</param>
    public Network Slice(int index) => _networks[index];

    /// <summary>The forward passes of all slices, which have begun.</summary>
    public void Forward(ISumExchange exchange, CancellationToken cancellation)
    {
        var (op, end) = (-1, network.Ops.Length);
        for (var width = 0; op < end;)
        {
            var next = end;
            for (var i = 0; i < _count; i++)
                next = _networks[i].Forward(op, _total.AsSpan(0, width), Row(i), cancellation);
            op = next;
            width = op < end ? Exchange(op, exchange) : 0;
        }
    }

    /// <summary>The backward passes of all slices, whose losses have been computed.</summary>
    public void Backward(ISumExchange exchange, CancellationToken cancellation)
    {
        var op = network.Ops.Length;
        for (var width = 0; op >= 0;)
        {
            var next = -1;
            for (var i = 0; i < _count; i++)
                next = _networks[i].Backward(op, _total.AsSpan(0, width), Row(i), cancellation);
            op = next;
            width = op >= 0 ? Exchange(op, exchange) : 0;
        }
    }

    public void Dispose()
    {
        foreach (var own in _networks.Skip(1))
            own.Dispose();
    }

    Span<double> Row(int slice) => _sums.AsSpan(slice * _total.Length, _total.Length);

    int Exchange(int op, ISumExchange exchange)
    {
        var width = network.SumsOf(op);
        for (var i = 1; i < _count; i++)
            Row(i)[..width].CopyTo(_sums.AsSpan(i * width));
        exchange.Sum(_first, _sums.AsSpan(0, _count * width), _total.AsSpan(0, width));
        return width;
    }
}
