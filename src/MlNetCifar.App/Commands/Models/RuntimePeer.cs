using System.Runtime.InteropServices;
using System.Runtime.Loader;
using Microsoft.ML.OnnxRuntime;
using MlNetCifar.App.Cli;

namespace MlNetCifar.App.Commands.Models;

/// <summary>ONNX Runtime as a second opinion about a file. Its native library does not come with the program: it is taken where the machine has one.</summary>
internal static class RuntimePeer
{
    const string Library = "onnxruntime";

    /// <summary>Runs a file's pictures through this program's engine, and through ONNX Runtime.</summary>
    /// <param name="path">An .onnx file with a proof.</param>
    /// <param name="library">The native library, or a folder of it; null where the system finds it.</param>
    /// <returns>Null where there is no library.</returns>
    /// <exception cref="MlNetCifarException">The library that was named cannot be loaded (MNC9031).</exception>
    public static PeerResult? Check(string path, string? library)
    {
        var handle = Load(library);
        if (handle == 0)
            return null;
        AssemblyLoadContext.Default.ResolvingUnmanagedDll += (_, name) => name.Contains(Library, StringComparison.Ordinal) ? handle : 0;
        return Run(path, library);
    }

    static nint Load(string? library)
    {
        if (library is null)
            return NativeLibrary.TryLoad(Library, typeof(InferenceSession).Assembly, null, out var found) ? found : 0;
        var file = Directory.Exists(library) ? Path.Combine(library, OperatingSystem.IsWindows() ? $"{Library}.dll" : OperatingSystem.IsMacOS() ? $"lib{Library}.dylib" : $"lib{Library}.so") : library;
        return NativeLibrary.TryLoad(Path.GetFullPath(file), out var handle) ? handle : throw CliErrors.NoRuntime(file);
    }

    static PeerResult Run(string path, string? library)
    {
        try
        {
            string? skipped = null;
            var (itself, result) = ModelProof.CheckBoth(path, (model, pictures) =>
            {
                using var options = new SessionOptions { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
                using var session = new InferenceSession(path, options);
                skipped = WhyNot(session, model);
                return skipped is null ? Logits(session, model, pictures) : new float[pictures.Count * model.Classes.Length];
            });
            return new(OrtEnv.Instance().GetVersionString(), itself, skipped is null ? result : null, skipped);
        }
        catch (OnnxRuntimeException e)
        {
            throw CliErrors.RuntimeRefuses(path, e);
        }
        catch (Exception e) when (e is TypeInitializationException or EntryPointNotFoundException or DllNotFoundException)
        {
            throw CliErrors.NoRuntime(library ?? Library);
        }
    }

    /// <summary>Pictures in a file are prepared already; a graph that prepares them itself must not change those.</summary>
    static string? WhyNot(InferenceSession session, ImageClassifier model) =>
        Input(session) == "picture_pixels" && (model.Preprocess.Channels == 1 || model.Preprocess.ShorterSide > model.Preprocess.Height)
            ? "the pictures in the file are prepared already, and its graph would prepare them again"
            : null;

    static float[] Logits(InferenceSession session, ImageClassifier model, ImageSource pictures)
    {
        var logits = new List<float>();
        var name = Input(session);
        var pixels = new byte[pictures.ImageLength];
        using var run = new RunOptions();
        for (var i = 0; i < pictures.Count; i++)
        {
            pictures.CopyPixels(i, pixels);
            using var input = name == "input" ? Scaled(pixels, pictures, model.Normalization) : OrtValue.CreateTensorValueFromMemory(pixels, [1, pictures.Height, pictures.Width, pictures.Channels]);
            using var outputs = session.Run(run, [name], [input], ["logits"]);
            logits.AddRange(outputs[0].GetTensorDataAsSpan<float>());
        }

        return [.. logits];
    }

    static string Input(InferenceSession session) => session.InputNames[0];

    /// <summary>What a mean image takes beyond the mean of a channel is part of the graph.</summary>
    static OrtValue Scaled(byte[] pixels, ImageSource pictures, Normalization scaling)
    {
        var plane = pictures.Height * pictures.Width;
        var values = new float[pixels.Length];
        for (var i = 0; i < pixels.Length; i++)
        {
            var channel = i % pictures.Channels;
            values[(channel * plane) + (i / pictures.Channels)] = ((pixels[i] / 255f) - scaling.Mean[channel]) / scaling.Std[channel];
        }

        return OrtValue.CreateTensorValueFromMemory(values, [1, pictures.Channels, pictures.Height, pictures.Width]);
    }
}

/// <summary>What ONNX Runtime says.</summary>
/// <param name="Version">Its version.</param>
/// <param name="Itself">What this program's engine gives for the file, which is read once for both.</param>
/// <param name="Result">The comparison; null where the pictures cannot be compared.</param>
/// <param name="Skipped">Why they cannot; null where they were.</param>
internal sealed record PeerResult(string Version, ProofResult Itself, ProofResult? Result, string? Skipped);
