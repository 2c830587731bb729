namespace MlNetCifar.Reporting;

/// <summary>Leaves out points that the eye would not miss (Ramer 1972, Douglas and Peucker 1973).</summary>
internal static class CurveSimplifier
{
    /// <summary>Keeps the ends and every point farther than a tolerance from the line that would replace it.</summary>
    public static IReadOnlyList<PlotPoint> Simplify(IReadOnlyList<PlotPoint> points, double tolerance)
    {
        if (points.Count < 3)
            return points;
        var keep = new bool[points.Count];
        keep[0] = keep[^1] = true;
        var stretches = new Stack<(int First, int Last)>([(0, points.Count - 1)]);
        while (stretches.TryPop(out var stretch))
        {
            var (farthest, distance) = Farthest(points, stretch.First, stretch.Last);
            if (distance <= tolerance)
                continue;
            keep[farthest] = true;
            stretches.Push((stretch.First, farthest));
            stretches.Push((farthest, stretch.Last));
        }

        return [.. points.Where((_, i) => keep[i])];
    }

    static (int Index, double Distance) Farthest(IReadOnlyList<PlotPoint> points, int first, int last)
    {
        var (a, b) = (points[first], points[last]);
        var (dx, dy) = (b.X - a.X, b.Y - a.Y);
        var length = Math.Sqrt((dx * dx) + (dy * dy));
        var (index, best) = (first, 0.0);
        for (var i = first + 1; i < last; i++)
        {
            var (px, py) = (points[i].X - a.X, points[i].Y - a.Y);
            var distance = length == 0 ? Math.Sqrt((px * px) + (py * py)) : Math.Abs((dx * py) - (dy * px)) / length;
            if (distance > best)
                (index, best) = (i, distance);
        }

        return (index, best);
    }
}
