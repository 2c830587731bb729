using System.Collections.Concurrent;
using System.Net.Http.Headers;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using MlNetCifar.Imaging;
using MlNetCifar.Server;
using MlNetCifar.Tests.Inference;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Server;

/// <summary>A server on a free port of this machine, with a small model named <c>small</c>, and a client for it.</summary>
internal sealed class RunningServer : IAsyncDisposable
{
    readonly TestFolder _folder;
    bool _isStopped;

    RunningServer(TestFolder folder, ImageClassifier model, ModelServer server, Lines log)
    {
        (_folder, Model, Server, Log) = (folder, model, server, log);
        Client = new HttpClient { BaseAddress = new Uri(server.Addresses[0]), Timeout = TimeSpan.FromMinutes(1) };
    }

    public ModelServer Server { get; }

    /// <summary>The model as it was saved.</summary>
    public ImageClassifier Model { get; }

    public HttpClient Client { get; }

    public Lines Log { get; }

    public string this[string name] => _folder[name];

    /// <summary>Starts one.</summary>
    /// <param name="change">Of the options.</param>
    /// <param name="model">To serve; null for the small one.</param>
    /// <param name="grpcAddress">Where calls of gRPC are taken; null for nowhere.</param>
    public static async Task<RunningServer> Start(Func<ServingOptions, ServingOptions>? change = null, ImageClassifier? model = null, string? grpcAddress = null)
    {
        var (folder, log) = (new TestFolder(), new Lines());
        try
        {
            model ??= SmallModel.Create();
            model.Save(folder["small.safetensors"]);
            var options = new ServingOptions
            {
                Models = new Dictionary<string, string> { ["small"] = folder["small.safetensors"] }, Threads = 2, BatchSize = 8, WatchInterval = TimeSpan.FromMilliseconds(50), DrainDelay = TimeSpan.FromMilliseconds(300),
            };
            options = change?.Invoke(options) ?? options;
            return new(folder, model, await ModelServer.StartAsync(options, "http://127.0.0.1:0", logging => logging.AddProvider(log), grpcAddress: grpcAddress), log);
        }
        catch
        {
            model?.Dispose();
            folder.Dispose();
            throw;
        }
    }

    /// <summary>A picture as a PNG file; equal seeds are equal pictures.</summary>
    public static byte[] Png(int seed = 0, int width = 20, int height = 16)
    {
        var pixels = new byte[3 * width * height];
        new Random(seed).NextBytes(pixels);
        return PngEncoder.Encode(pixels, width, height, 3);
    }

    public static ByteArrayContent Body(byte[] bytes, string? type = "image/png")
    {
        var content = new ByteArrayContent(bytes);
        if (type is not null)
            content.Headers.ContentType = MediaTypeHeaderValue.Parse(type);
        return content;
    }

    public static StringContent Json(string text) => new(text, System.Text.Encoding.UTF8, "application/json");

    /// <summary>Sends and reads JSON.</summary>
    public async Task<JsonElement> Post(string path, HttpContent content, int status = 200)
    {
        using var response = await Client.PostAsync(path, content);
        var text = await response.Content.ReadAsStringAsync();
        Assert.AreEqual(status, (int)response.StatusCode, text);
        return JsonDocument.Parse(text).RootElement;
    }

    /// <summary>Reads JSON.</summary>
    public async Task<JsonElement> Get(string path, int status = 200)
    {
        using var response = await Client.GetAsync(path);
        var text = await response.Content.ReadAsStringAsync();
        Assert.AreEqual(status, (int)response.StatusCode, text);
        return JsonDocument.Parse(text).RootElement;
    }

    /// <summary>Fails unless an answer is, bit by bit, what the model alone says.</summary>
    public static void AssertSame(Classification expected, JsonElement answer)
    {
        var found = answer.GetProperty("predictions").EnumerateArray().ToArray();
        Assert.HasCount(expected.Predictions.Count, found);
        for (var i = 0; i < found.Length; i++)
        {
            Assert.AreEqual(expected.Predictions[i].Label, found[i].GetProperty("label").GetString());
            Assert.AreEqual(expected.Predictions[i].Index, found[i].GetProperty("index").GetInt32());
            Assert.AreEqual(BitConverter.SingleToInt32Bits(expected.Predictions[i].Probability), BitConverter.SingleToInt32Bits(found[i].GetProperty("probability").GetSingle()));
        }
    }

    /// <summary>Waits for something that comes about in the background.</summary>
    public static async Task Until(Func<bool> holds)
    {
        for (var i = 0; i < 600; i++)
        {
            if (holds())
                return;
            await Task.Delay(50);
        }

        Assert.Fail("It did not come about within 30 s.");
    }

    public Task Stop()
    {
        _isStopped = true;
        return Server.StopAsync();
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        if (!_isStopped)
            await Server.StopAsync();
        await Server.DisposeAsync();
        Model.Dispose();
        _folder.Dispose();
    }

    /// <summary>What was logged.</summary>
    internal sealed class Lines : ILoggerProvider, ILogger
    {
        readonly ConcurrentQueue<string> _lines = [];

        public string Text => string.Join('\n', _lines);

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            _lines.Enqueue($"{logLevel}: {formatter(state, exception)} {exception}");

        public void Dispose()
        {
        }
    }
}
