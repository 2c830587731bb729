using Microsoft.ML;
using MlNetCifar.MLNet;

namespace MlNetCifar.Tests.MLNet;

/// <summary>What a program does that only loads a model.</summary>
static class FreshProcess
{
    public static void Predict(string model, string folder, string[] paths, TextWriter output)
    {
        var ml = new MLContext().UseMlNetCifar();
        var loaded = ml.Model.Load(model, out _);
        using var engine = ml.Model.CreatePredictionEngine<PathRow, NamedAnswer>(loaded);
        foreach (var path in paths)
        {
            var answer = engine.Predict(new() { Path = Path.Combine(folder, path) });
            output.WriteLine($"{answer.PredictedLabel} {Convert.ToHexString(System.Runtime.InteropServices.MemoryMarshal.AsBytes(answer.Score.AsSpan()))}");
        }
    }

    public static void LoadWithoutRegistration(string model, TextWriter output)
    {
        try
        {
            new MLContext().Model.Load(model, out _);
            output.WriteLine("loaded");
        }
        catch (Exception e) when (e is FormatException or InvalidOperationException)
        {
            output.WriteLine(e);
        }
    }
}
