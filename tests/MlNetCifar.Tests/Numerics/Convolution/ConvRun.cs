using MlNetCifar.Numerics;

namespace MlNetCifar.Tests.Numerics.Convolution;

/// <summary>All passes of one plan on given data, every buffer between canaries.</summary>
internal sealed class ConvRun
{
    public ConvRun(ConvShape shape, int n, SimdWidth width, int threads, float[] x, float[] f, float[] bias, float[] gradY, bool relu = false, bool? winograd = null)
    {
        using var pool = new WorkerPool(threads);
        var plan = new ConvPlan(shape, width, threads, winograd: winograd);
        GuardedFloats gx = new(x), gf = new(f), gb = new(bias), gg = new(gradY);
        GuardedFloats packed = new(plan.PackedLength), workspace = new(plan.WorkspaceLength);
        GuardedFloats y = new(gradY.Length), dx = new(x.Length), df = new(f.Length), db = new(shape.K);

        plan.PackWeights(gf.Span, packed.Span, backward: true, pool);
        plan.Forward(n, gx.Span, packed.Span, gb.Span, relu, y.Span, workspace.Span, pool);
        Algorithm = plan.Algorithm;
        workspace.Span.Fill(float.NaN);
        plan.BackwardData(n, gg.Span, packed.Span, dx.Span, workspace.Span, pool);
        workspace.Span.Fill(float.NaN);
        plan.BackwardWeights(n, gx.Span, gg.Span, df.Span, db.Span, workspace.Span, pool);

        foreach (var (buffer, name) in new[] { (gx, "x"), (gf, "f"), (gb, "bias"), (gg, "gradY"), (packed, "packed"), (workspace, "workspace"), (y, "y"), (dx, "gradX"), (df, "gradF"), (db, "gradBias") })
            buffer.Check(name);
        (Y, GradX, GradF, GradBias) = (y.Span.ToArray(), dx.Span.ToArray(), df.Span.ToArray(), db.Span.ToArray());
    }

    public string Algorithm { get; }

    public float[] Y { get; }

    public float[] GradX { get; }

    public float[] GradF { get; }

    public float[] GradBias { get; }
}
