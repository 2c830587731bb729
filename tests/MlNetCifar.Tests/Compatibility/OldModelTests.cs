using MlNetCifar.Inference;
using MlNetCifar.Numerics;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Compatibility;

/// <summary>Models of version 0.1.0 load and score as they did then.</summary>
[TestClass]
public sealed class OldModelTests
{
    [TestMethod]
    [DataRow("every-layer", "9e73e433076cec0598daa3fc9b513b3eaa949114081b7d7e4c30301396971c59", false, true)]
    [DataRow("every-layer-half", "a4b01a6788bab7f15229c877e522c5b973948f5563e12afcccd0bfd6a9caddb1", true, true)]
    [DataRow("pets", "11bb18b33414810fb4a99e3885de98f12ab05d4a8194eede8d00080263020b75", false, false)]
    [DataRow("pets-half", "b398629340fd3da4e9bcf39260fdeeae0467e31f65298c6389d16cd1f90d9e06", true, false)]
    public void Load_GivesWhatWasSaved(string name, string sha256, bool half, bool calibrated)
    {
        using var model = Load(name);
        Assert.AreEqual((sha256, half, calibrated), (model.WeightsSha256, model.IsHalfPrecision, model.Calibration is not null));
        Assert.AreEqual(name.StartsWith("pets", StringComparison.Ordinal) ? 12 : 3, model.History.Count);
        Assert.IsGreaterThan(0, model.BestEpoch);
    }

    [TestMethod]
    [DataRow("every-layer")]
    [DataRow("every-layer-half")]
    [DataRow("pets")]
    [DataRow("pets-half")]
    public void Scores_AreThoseOfThen(string name)
    {
        using var model = Load(name);
        using var pictures = ImageDataset.Open(OldFiles.At("pictures"), new ImageDatasetOptions { Spec = model.Preprocess });
        var recorded = File.ReadLines(OldFiles.At("models", $"{name}.scores.txt")).Select(Row.Parse);
        var expected = recorded.GroupBy(row => row.Kind).ToDictionary(g => g.Key, g => g.ToArray());
        Assert.HasCount(model.Calibration is null ? 4 : 5, expected);
        foreach (var (kind, rows) in expected)
        {
            Assert.HasCount(12, rows, kind);
            var scores = Scores(model, pictures.Test!, kind);
            for (var i = 0; i < rows.Length; i++)
            {
                Assert.AreEqual(rows[i].Picture, pictures.Test!.Name(i));
                var row = scores.AsSpan(i * model.Classes.Length, model.Classes.Length);
                for (var k = 0; k < row.Length; k++)
                    AssertSame(rows[i].Values[k], row[k], $"{kind} of {rows[i].Picture}, class {k}");
            }
        }
    }

    /// <summary>The same bits where the width is one that they were recorded with.</summary>
    static void AssertSame(float expected, float actual, string what)
    {
        if (SimdLevel.IsFused && SimdLevel.Active is (SimdWidth.Bits256 or SimdWidth.Bits128))
            Assert.AreEqual(BitConverter.SingleToUInt32Bits(expected), BitConverter.SingleToUInt32Bits(actual), what);
        else
            LaneCases.AssertClose(expected, actual, 1e-4, what);
    }

    static float[] Scores(ImageClassifier model, ImageSource pictures, string kind) => kind switch
    {
        "score" => model.Score(pictures),
        "score-flip" => model.Score(pictures, views: TestTimeViews.Flip),
        "score-flip-shift" => model.Score(pictures, views: TestTimeViews.FlipShift),
        "logits" => model.Logits(pictures),
        _ => Calibrated(model, pictures),
    };

    static float[] Calibrated(ImageClassifier model, ImageSource pictures)
    {
        var calibration = model.Calibration!;
        Assert.AreEqual(2, calibration.Views);
        var scores = model.Logits(pictures, views: TestTimeViews.Flip);
        foreach (var logits in scores.Chunk(model.Classes.Length).Select((row, i) => (Row: row, Start: i * row.Length)).ToArray())
        {
            foreach (var (label, probability) in calibration.Predict(logits.Row).Labels)
                scores[logits.Start + label] = probability;
        }

        return scores;
    }

    static ImageClassifier Load(string name) => ImageClassifier.Load(OldFiles.At("models", $"{name}.safetensors"));

    sealed record Row(string Kind, string Picture, float[] Values)
    {
        public static Row Parse(string line)
        {
            var words = line.Split(' ');
            return new Row(words[0], words[1], [.. words[2..].Select(hex => BitConverter.UInt32BitsToSingle(Convert.ToUInt32(hex, 16)))]);
        }
    }
}
