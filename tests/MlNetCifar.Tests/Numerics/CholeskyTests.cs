using MlNetCifar.Numerics;

namespace MlNetCifar.Tests.Numerics;

[TestClass]
public sealed class CholeskyTests
{
    [TestMethod]
    public void Solve_AgreesWithTheProduct()
    {
        const int n = 13;
        var random = new SplitRandom(3, RandomPurpose.Tune);
        var root = new double[n * n];
        foreach (ref var value in root.AsSpan())
            value = random.NextGaussian();
        var (matrix, x, b) = (new double[n * n], new double[n], new double[n]);
        for (var i = 0; i < n; i++)
        {
            x[i] = i - 4.5;
            for (var j = 0; j < n; j++)
                for (var k = 0; k < n; k++)
                    matrix[(i * n) + j] += root[(i * n) + k] * root[(j * n) + k];
            matrix[(i * n) + i] += 0.5;
        }

        for (var i = 0; i < n; i++)
            for (var j = 0; j < n; j++)
                b[i] += matrix[(i * n) + j] * x[j];
        Assert.IsTrue(Cholesky.TryFactor(matrix, n));
        Cholesky.Solve(matrix, n, b);
        for (var i = 0; i < n; i++)
            Assert.AreEqual(x[i], b[i], 1e-9);
        Assert.IsFalse(Cholesky.TryFactor([1, 0, 2, 1], 2));
    }
}
