namespace MlNetCifar.Tests.Evaluation;

/// <summary>Principal components against a case that can be told by hand.</summary>
[TestClass]
public sealed class EmbeddingMapTests
{
    [TestMethod]
    public void Of_FindsTheDirectionsOfMostVariance()
    {
        // Variance 100 along (3, 4, 0) / 5, variance 1 along (0, 0, 1), none besides.
        var random = new Random(1);
        var features = new float[3 * 500];
        var (along, across) = (new double[500], new double[500]);
        for (var i = 0; i < 500; i++)
        {
            (along[i], across[i]) = (20 * (random.NextDouble() - 0.5), 2 * (random.NextDouble() - 0.5));
            (features[3 * i], features[(3 * i) + 1], features[(3 * i) + 2]) = ((float)(7 + (0.6 * along[i])), (float)(0.8 * along[i]), (float)across[i]);
        }

        var map = EmbeddingMap.Of(features, [.. Enumerable.Range(0, 500)]);
        Assert.AreEqual(1, map.Explained, 1e-6);
        var (meanAlong, meanAcross) = (along.Average(), across.Average());
        var (signX, signY) = (Math.Sign(map.Points[0].X * (along[0] - meanAlong)), Math.Sign(map.Points[0].Y * (across[0] - meanAcross)));
        for (var i = 0; i < 500; i++)
        {
            Assert.AreEqual(along[i] - meanAlong, signX * map.Points[i].X, 0.1);
            Assert.AreEqual(across[i] - meanAcross, signY * map.Points[i].Y, 0.1);
        }
    }

    [TestMethod]
    public void Of_EqualRows_IsOnePoint()
    {
        var map = EmbeddingMap.Of(new float[12], [0, 1, 2]);
        Assert.IsTrue(map.Points.All(point => point.X == 0 && point.Y == 0) && map.Explained == 0);
        Assert.ThrowsExactly<ArgumentException>(() => EmbeddingMap.Of(new float[3], [0, 1]));
    }
}
