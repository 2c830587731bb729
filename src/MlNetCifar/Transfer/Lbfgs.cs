namespace MlNetCifar.Transfer;

/// <summary>
/// Minimises a smooth convex function (L-BFGS, Liu and Nocedal 1989) with steps that are halved until they descend enough (Armijo). It has no rate to choose, and one starting
/// point gives one result.
/// </summary>
internal static class Lbfgs
{
    /// <summary>Pairs of steps and gradients remembered.</summary>
    const int Memory = 10;

    const double Descent = 1e-4;
    const int MostHalvings = 25;

    /// <summary>The first steps know nothing of the curvature, so a small gain may be theirs.</summary>
    const int SmallGains = 3;

    /// <summary>Value and gradient at a point.</summary>
    /// <param name="point">Where.</param>
    /// <param name="gradient">As long; overwritten.</param>
    public delegate double Objective(ReadOnlySpan<double> point, Span<double> gradient);

    /// <summary>Minimises.</summary>
    /// <param name="function">What.</param>
    /// <param name="point">Where it begins; overwritten with where it ends.</param>
    /// <param name="mostSteps">After which it ends in any case.</param>
    /// <param name="tolerance">It ends where the relative gains of three steps on end are smaller.</param>
    /// <returns>The value at the end.</returns>
    public static double Minimize(Objective function, double[] point, int mostSteps, double tolerance)
    {
        var n = point.Length;
        double[] gradient = new double[n], next = new double[n], nextGradient = new double[n];
        var pairs = new LinkedList<(double[] Step, double[] Change, double Product)>();
        var value = function(point, gradient);
        var small = 0;
        for (var step = 0; step < mostSteps; step++)
        {
            var direction = Direction(gradient, pairs);
            var slope = Dot(direction, gradient);
            if (!(slope < 0))
                return value;
            var length = pairs.Count == 0 ? Math.Min(1, 1 / Math.Sqrt(-slope)) : 1;
            var found = double.NaN;
            for (var halvings = 0; halvings < MostHalvings; halvings++, length /= 2)
            {
                for (var i = 0; i < n; i++)
                    next[i] = point[i] + (length * direction[i]);
                found = function(next, nextGradient);
                if (found <= value + (Descent * length * slope))
                    break;
                found = double.NaN;
            }

            // The gradient's rounding is all that is left.
            if (double.IsNaN(found))
                return value;
            Remember(pairs, point, next, gradient, nextGradient);
            var gain = value - found;
            next.CopyTo(point, 0);
            nextGradient.CopyTo(gradient, 0);
            value = found;
            small = gain <= tolerance * Math.Max(Math.Abs(value), 1e-6) ? small + 1 : 0;
            if (small == SmallGains)
                return value;
        }

        return value;
    }

    /// <summary>Minus the inverse curvature, as far as it is known, times the gradient: the two loops over the remembered pairs.</summary>
    static double[] Direction(double[] gradient, LinkedList<(double[] Step, double[] Change, double Product)> pairs)
    {
        var direction = new double[gradient.Length];
        for (var i = 0; i < direction.Length; i++)
            direction[i] = -gradient[i];
        var shares = new Stack<double>();
        for (var pair = pairs.Last; pair is not null; pair = pair.Previous)
        {
            var share = Dot(pair.Value.Step, direction) / pair.Value.Product;
            shares.Push(share);
            Add(-share, pair.Value.Change, direction);
        }

        if (pairs.Last is { Value: var last })
        {
            var scale = last.Product / Dot(last.Change, last.Change);
            for (var i = 0; i < direction.Length; i++)
                direction[i] *= scale;
        }

        for (var pair = pairs.First; pair is not null; pair = pair.Next)
            Add(shares.Pop() - (Dot(pair.Value.Change, direction) / pair.Value.Product), pair.Value.Step, direction);
        return direction;
    }

    static void Remember(
        LinkedList<(double[] Step, double[] Change, double Product)> pairs, double[] point, double[] next, double[] gradient, double[] nextGradient)
    {
        double[] step = new double[point.Length], change = new double[point.Length];
        for (var i = 0; i < step.Length; i++)
            (step[i], change[i]) = (next[i] - point[i], nextGradient[i] - gradient[i]);
        var product = Dot(step, change);
        if (product <= 1e-12 * Dot(change, change))
            return;
        pairs.AddLast((step, change, product));
        if (pairs.Count > Memory)
            pairs.RemoveFirst();
    }

    static double Dot(double[] a, double[] b)
    {
        var sum = 0.0;
        for (var i = 0; i < a.Length; i++)
            sum += a[i] * b[i];
        return sum;
    }

    static void Add(double factor, double[] values, double[] sums)
    {
        for (var i = 0; i < sums.Length; i++)
            sums[i] += factor * values[i];
    }
}
