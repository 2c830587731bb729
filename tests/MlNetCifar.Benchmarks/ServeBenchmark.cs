using System.Diagnostics;
using System.Formats.Tar;
using System.Globalization;
using System.IO.Compression;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.ML.OnnxRuntime;
using MlNetCifar.Imaging;
using MlNetCifar.Server;

namespace MlNetCifar.Benchmarks;

/// <summary>
/// Measures the server with a model on JPEGs, 64 connections of one generator in this process, so that both share the cores: beside the engine's own rate in batches of 64 with
/// decoding, beside minimal APIs that call the library, and ONNX Runtime, picture by picture, at one client, while models are swapped, and its memory.
/// </summary>
internal static class ServeBenchmark
{
    const int Connections = 64;

    /// <summary>Arguments: the model's file, an archive (.tar.gz) of JPEGs, and seconds for each measurement.</summary>
    public static async Task<int> RunAsync(string[] args)
    {
        var time = TimeSpan.FromSeconds(args.Length > 2 ? double.Parse(args[2], CultureInfo.InvariantCulture) : 5);
        var pictures = Pictures(args[1]);
        using var model = ImageClassifier.Load(args[0]);
        var engine = Engine(model, pictures, time);
        Print("engine, batches of 64 with decoding", engine, engine);
        var file = Path.Combine(Directory.CreateTempSubdirectory("mlnetcifar-serve-").FullName, "model.safetensors");
        model.Save(file);
        await MeasureAsync("minimal API without batching", picture => model.Predict(picture)[0].Label);
        using (var runtime = new RuntimeModel(model, Path.ChangeExtension(file, ".onnx")))
            await MeasureAsync("minimal API that calls ONNX Runtime", runtime.Predict);

        var options = new ServingOptions { Models = new Dictionary<string, string> { ["model"] = file }, WatchInterval = TimeSpan.FromMilliseconds(50) };
        await using var server = await ModelServer.StartAsync(options, "http://127.0.0.1:0");
        var port = new Uri(server.Addresses[0]).Port;
        await new LoadGenerator(port, "/predict", pictures).RunAsync(Connections, TimeSpan.FromSeconds(2));
        var served = await new LoadGenerator(port, "/predict", pictures).RunAsync(Connections, time);
        Print("server", served.Rate, engine);
        Console.WriteLine(FormattableString.Invariant($"  p50 {served.Quantile(0.5):0.0} ms, p99 {served.Quantile(0.99):0.0} ms; {Summary(served)}"));
        await LatencyAsync(model, port, pictures, time);
        await SwapsAsync(model, file, port, pictures);
        await MemoryAsync(port, pictures, TimeSpan.FromSeconds(args.Length > 3 ? double.Parse(args[3], CultureInfo.InvariantCulture) : 60));
        await EndAsync(server, port, pictures);
        Directory.Delete(Path.GetDirectoryName(file)!, recursive: true);
        return 0;

        async Task MeasureAsync(string what, Func<byte[], string> predict)
        {
            await using var minimal = await MinimalAsync(predict);
            var port = new Uri(minimal.Urls.First()).Port;
            await new LoadGenerator(port, "/predict", pictures).RunAsync(Connections, TimeSpan.FromSeconds(2));
            Print(what, (await new LoadGenerator(port, "/predict", pictures).RunAsync(Connections, time)).Rate, engine);
        }
    }

    static byte[][] Pictures(string archive)
    {
        using var stream = new GZipStream(File.OpenRead(archive), CompressionMode.Decompress);
        using var tar = new TarReader(stream);
        var pictures = new List<byte[]>();
        while (pictures.Count < 2000 && tar.GetNextEntry() is { } entry)
        {
            if (!entry.Name.EndsWith(".jpg", StringComparison.Ordinal) || entry.DataStream is null)
                continue;
            using var content = new MemoryStream();
            entry.DataStream.CopyTo(content);
            pictures.Add(content.ToArray());
        }

        return [.. pictures];
    }

    static double Engine(ImageClassifier model, byte[][] pictures, TimeSpan time)
    {
        using var batches = new BatchClassifier(model);
        var preprocessor = new Preprocessor(model.Preprocess);
        var pixels = Enumerable.Range(0, 64).Select(_ => new byte[model.Preprocess.Length]).ToArray();
        ReadOnlyMemory<byte>[] batch = [.. pixels.Select(p => (ReadOnlyMemory<byte>)p)];
        var (done, clock) = (0, new Stopwatch());
        for (var round = 0; clock.Elapsed < time; round++)
        {
            var first = 64 * round;
            Parallel.For(0, 64, i => preprocessor.Apply(pictures[(first + i) % pictures.Length], pixels[i]));
            batches.Classify(batch);

            // The first rounds compile.
            if (round == 20)
                clock.Start();
            done += round > 20 ? 64 : 0;
        }

        return done / clock.Elapsed.TotalSeconds;
    }

    static async Task<WebApplication> MinimalAsync(Func<byte[], string> predict)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        app.MapPost("/predict", async (HttpContext context) =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            var answer = System.Text.Encoding.UTF8.GetBytes(predict(body.ToArray()));
            context.Response.ContentLength = answer.Length;
            await context.Response.Body.WriteAsync(answer);
        });
        await app.StartAsync();
        return app;
    }

    static async Task LatencyAsync(ImageClassifier model, int port, byte[][] pictures, TimeSpan time)
    {
        var calls = new List<double>();
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < time;)
        {
            var start = Stopwatch.GetTimestamp();
            model.Classify(pictures[calls.Count % pictures.Length]);
            calls.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        var call = calls.Order().ElementAt(calls.Count / 2);
        var one = await new LoadGenerator(port, "/predict", pictures).RunAsync(1, time);
        Console.WriteLine(FormattableString.Invariant($"one client: library call p50 {call:0.000} ms; server p50 {one.Quantile(0.5):0.000} ms, p99 {one.Quantile(0.99):0.000} ms; added {one.Quantile(0.5) - call:0.000} ms"));
    }

    static async Task SwapsAsync(ImageClassifier model, string file, int port, byte[][] pictures)
    {
        const int swaps = 100;
        var load = new LoadGenerator(port, "/predict", pictures);
        using var client = new HttpClient();
        var running = load.RunAsync(16, TimeSpan.FromSeconds(60));
        for (var i = 0; i < swaps && !running.IsCompleted; i++)
        {
            model.Save(file);
            while (await SwapsOf(client, port) <= i && !running.IsCompleted)
                await Task.Delay(20);
        }

        load.Stop();
        await running;
        Console.WriteLine($"swaps under load: {await SwapsOf(client, port)}; {Summary(load)}");
    }

    static async Task<int> SwapsOf(HttpClient client, int port)
    {
        const string name = "mlnetcifar_model_swaps ";
        var metrics = await client.GetStringAsync(new Uri($"http://127.0.0.1:{port}/metrics"));
        return int.Parse(metrics.Split('\n').First(l => l.StartsWith(name, StringComparison.Ordinal))[name.Length..], CultureInfo.InvariantCulture);
    }

    static async Task MemoryAsync(int port, byte[][] pictures, TimeSpan time)
    {
        var before = Resident();
        var handles = Handles();
        var load = await new LoadGenerator(port, "/predict", pictures).RunAsync(Connections, time);
        var after = Resident();
        Console.WriteLine(FormattableString.Invariant($"memory over {load.Answers.Values.Sum()} requests: {before:0.0} MB before, {after:0.0} MB after ({(after - before) / before:+0.0%;-0.0%}); handles {handles} before, {Handles()} after; {Summary(load)}"));
    }

    static async Task EndAsync(ModelServer server, int port, byte[][] pictures)
    {
        var load = new LoadGenerator(port, "/predict", pictures);
        var running = load.RunAsync(16, TimeSpan.FromSeconds(3));
        await Task.Delay(500);
        await server.StopAsync();
        await running;
        Console.WriteLine($"end under load: {Summary(load)}");
    }

    static double Resident()
    {
        GC.Collect();
        return Environment.WorkingSet / 1e6;
    }

    static int Handles() => Directory.Exists("/proc/self/fd") ? Directory.GetFiles("/proc/self/fd").Length : Process.GetCurrentProcess().HandleCount;

    static string Summary(LoadGenerator load) => $"{string.Join(", ", load.Answers.Select(a => $"{a.Value} × {a.Key}"))}, {load.Lost} lost, {load.Refused} refused";

    static void Print(string what, double rate, double engine) => Console.WriteLine(FormattableString.Invariant($"{what}: {rate:0} pictures/s ({rate / engine:0.00} of the engine)"));

    /// <summary>The exported model in ONNX Runtime. Requests take the cores, so that each runs on one thread, which gave more than a pool for each.</summary>
    sealed class RuntimeModel(ImageClassifier model, string path) : IDisposable
    {
        readonly InferenceSession _session = Open(model, path);
        readonly Preprocessor _preprocessor = new(model.Preprocess);

        static InferenceSession Open(ImageClassifier model, string path)
        {
            model.ExportOnnx(path);
            using var options = new Microsoft.ML.OnnxRuntime.SessionOptions { IntraOpNumThreads = 1 };
            return new(path, options);
        }

        public string Predict(byte[] picture)
        {
            var spec = model.Preprocess;
            var pixels = new byte[spec.Length];
            _preprocessor.Apply(picture, pixels);
            using var input = OrtValue.CreateTensorValueFromMemory(pixels, [1, spec.Height, spec.Width, spec.Channels]);
            using var run = new RunOptions();
            using var outputs = _session.Run(run, ["pixels"], [input], ["probabilities"]);
            var probabilities = outputs[0].GetTensorDataAsSpan<float>();
            return model.Classes[System.Numerics.Tensors.TensorPrimitives.IndexOfMax(probabilities)];
        }

        public void Dispose() => _session.Dispose();
    }
}
