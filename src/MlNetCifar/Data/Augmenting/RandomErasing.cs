using MlNetCifar.Numerics;

namespace MlNetCifar.Data;

/// <summary>Random erasing (Zhong et al. 2020).</summary>
internal static class RandomErasing
{
    const double LeastArea = 0.02;
    const double MostArea = 1.0 / 3;
    const double Aspect = 3.3;
    const int Tries = 10;

    /// <summary>What is erased of a picture; of no width for nothing.</summary>
    /// <param name="probability">0 … 1.</param>
    /// <param name="random">The picture's own stream.</param>
    /// <param name="width">Its columns.</param>
    /// <param name="height">Its rows.</param>
    public static PixelBox Draw(float probability, SplitRandom random, int width, int height)
    {
        if (random.NextSingle() >= probability)
            return default;
        for (var i = 0; i < Tries; i++)
        {
            var area = (double)width * height * (LeastArea + (random.NextDouble() * (MostArea - LeastArea)));
            var box = RandomCrop.Sides(area, Math.Exp(((2 * random.NextDouble()) - 1) * Math.Log(Aspect)));
            if (box.Width >= 1 && box.Height >= 1 && box.Width <= width && box.Height <= height)
                return box with { Left = random.Next(width - box.Width + 1), Top = random.Next(height - box.Height + 1) };
        }

        return default;
    }
}
