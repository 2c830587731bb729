using MlNetCifar.Evaluation;
using MlNetCifar.Explain;
using MlNetCifar.Reporting;

namespace MlNetCifar.Tests.Evaluation;

/// <summary>Complete inputs for reports, the same every time.</summary>
internal static class Samples
{
    /// <summary>A report of an imaginary ten-class run with everything in it.</summary>
    public static ReportInput Report(int images = 1500)
    {
        var s = new SyntheticScores(images, 10, skill: 2.2, sharpness: 3);
        var result = Evaluator.Evaluate(s.Labels, s.Scores, s.Classes, new EvaluationOptions { BootstrapResamples = 200 });
        var pictures = new ColorfulImages(s);
        return new ReportInput
        {
            Title = "seed-cnn on imaginary images",
            Result = result,
            Images = pictures,
            Explained = [.. Mistakes.Of(result).Take(5).Select((mistake, i) => Explained(mistake, i, pictures))],
            History = [.. Enumerable.Range(1, 12).Select(Epoch)],
            Command = "mlnetcifar train --data ./images --preset seed-cnn --epochs 12 --seed 1",
            Dataset = [new("Name", "imaginary"), new("Training images", "45,000")],
            Environment = [new("MlNetCifar", "0.1.0"), new("Machine", "2 cores")],
            Settings = [new("preset", "seed-cnn"), new("batch size", "64")],
            Gate = new QualityGate("release").RequireMicroAccuracy(0.75).RequireAllImages().Check(new RunData("sample", "", result, s.Names)),
        };
    }

    /// <summary>A spot that wanders from image to image; the last image has none.</summary>
    static ExplainedImage Explained(Mistake mistake, int index, ImageSource pictures)
    {
        var values = Enumerable.Range(0, 32 * 32).Select(i => index == 4 ? 0 : (float)Math.Exp(-(Math.Pow((i / 32) - 8 - (4 * index), 2) + Math.Pow((i % 32) - 16, 2)) / 60));
        var pixels = new byte[pictures.ImageLength];
        pictures.CopyPixels(mistake.Row, pixels);
        var map = Heatmap.Normalized([.. values], 32, 32, mistake.Predicted, (float)mistake.Confidence);
        return new(mistake.Row, map.Class, map.Degenerate ? null : map.Probability, HeatmapOverlay.Draw(map, pixels, 3, side: 96), "Grad-CAM, layer conv3");
    }

    static EpochRecord Epoch(int epoch)
    {
        var left = Math.Exp(-epoch / 4.0);
        return new(epoch, 0.4 + (1.4 * left), 0.86 - (0.45 * left), 0.6 + (1.1 * left), 0.78 - (0.4 * left), 0.001 * (1 - (epoch / 12.0)), 3000, 15);
    }

    /// <summary>Pictures whose colour tells the class and whose pattern tells the row.</summary>
    sealed class ColorfulImages(SyntheticScores scores) : ImageSource
    {
        public override int Count => scores.Labels.Length;

        public override int Height => 32;

        public override int Width => 32;

        public override int Channels => 3;

        public override IReadOnlyList<string> Classes => scores.Classes;

        public override int Label(int index) => scores.Labels[index];

        public override string Name(int index) => scores.Names[index];

        public override void CopyPixels(int index, Span<byte> destination)
        {
            var label = Label(index);
            for (var i = 0; i < destination.Length; i++)
            {
                var (y, x, c) = (i / 96, i / 3 % 32, i % 3);
                var wave = Math.Sin(((x * (1 + (index % 5))) + (y * (1 + (index % 3)))) / 5.0);
                destination[i] = (byte)(128 + (70 * Math.Sin(label + (2.1 * c))) + (50 * wave));
            }
        }
    }
}
