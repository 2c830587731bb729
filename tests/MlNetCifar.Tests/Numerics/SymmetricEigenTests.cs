using MlNetCifar.Numerics;

namespace MlNetCifar.Tests.Numerics;

[TestClass]
public sealed class SymmetricEigenTests
{
    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    [DataRow(12)]
    [DataRow(27)]
    public void Decompose_GivesBackTheMatrix(int n)
    {
        var random = new Random(n);
        var a = new double[n, n];
        for (var i = 0; i < n; i++)
            for (var j = i; j < n; j++)
                a[i, j] = a[j, i] = random.NextDouble() - 0.5;
        var (values, v) = SymmetricEigen.Decompose(a);
        for (var i = 0; i < n; i++)
        {
            Assert.IsTrue(i == 0 || values[i] >= values[i - 1]);
            for (var j = 0; j < n; j++)
            {
                double product = 0, dot = 0;
                for (var k = 0; k < n; k++)
                {
                    product += v[i, k] * values[k] * v[j, k];
                    dot += v[k, i] * v[k, j];
                }

                Assert.AreEqual(a[i, j], product, 1e-12);
                Assert.AreEqual(i == j ? 1 : 0, dot, 1e-12);
            }
        }
    }
}
