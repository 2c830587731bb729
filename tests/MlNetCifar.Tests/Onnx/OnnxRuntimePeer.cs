using Microsoft.ML.OnnxRuntime;

namespace MlNetCifar.Tests.Onnx;

/// <summary>Runs a model in ONNX Runtime, on one thread.</summary>
internal sealed class OnnxRuntimePeer : IDisposable
{
    readonly InferenceSession _session;
    readonly RunOptions _run = new();

    public OnnxRuntimePeer(string path)
    {
        using var options = new SessionOptions { IntraOpNumThreads = 1, InterOpNumThreads = 1, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_WARNING };
        _session = new InferenceSession(path, options);
    }

    public IReadOnlyList<string> Outputs => _session.OutputNames;

    public IReadOnlyDictionary<string, string> Metadata => _session.ModelMetadata.CustomMetadataMap;

    /// <summary>One output of floats.</summary>
    /// <param name="input">Its elements.</param>
    /// <param name="shape">Its shape.</param>
    /// <param name="output">Name of the output; null for the first.</param>
    public float[] Run<T>(T[] input, long[] shape, string? output = null)
        where T : unmanaged
    {
        using var value = OrtValue.CreateTensorValueFromMemory(input, shape);
        using var results = _session.Run(_run, [_session.InputNames[0]], [value], [output ?? _session.OutputNames[0]]);
        return results[0].GetTensorDataAsSpan<float>().ToArray();
    }

    /// <summary>One output of texts.</summary>
    public string[] RunTexts<T>(T[] input, long[] shape, string output)
        where T : unmanaged
    {
        using var value = OrtValue.CreateTensorValueFromMemory(input, shape);
        using var results = _session.Run(_run, [_session.InputNames[0]], [value], [output]);
        return results[0].GetStringTensorAsArray();
    }

    public void Dispose()
    {
        _session.Dispose();
        _run.Dispose();
    }

    /// <summary>Largest |a − b| ÷ largest |b|.</summary>
    public static double RelativeDifference(float[] found, float[] expected)
    {
        Assert.HasCount(expected.Length, found);
        double most = 0, scale = 0;
        for (var i = 0; i < found.Length; i++)
        {
            most = Math.Max(most, Math.Abs((double)found[i] - expected[i]));
            scale = Math.Max(scale, Math.Abs(expected[i]));
        }

        Assert.IsTrue(double.IsFinite(most));
        return most / Math.Max(scale, 1e-30);
    }
}
