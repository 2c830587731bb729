using Microsoft.Extensions.Logging;
using MlNetCifar.App.Cli;
using MlNetCifar.App.Runs;
using MlNetCifar.Server;

namespace MlNetCifar.App.Commands;

/// <summary>Serves models over HTTP until it is asked to end.</summary>
internal sealed class ServeCommand() : Verb("serve", "Answer over HTTP what is on pictures: one model or many, until Ctrl-C or SIGTERM.")
{
    const string Limits = "Limits";
    const string Safety = "Access";
    const string Candidate = "Candidate";
    const string Capture = "Capture";

    static readonly ServingOptions s_defaults = new();
    static readonly OptionDescription<string?> s_model = OptionDescription.Text("model", "[NAME=]PATH", "Model file or run folder to serve; several as arguments. Without it the newest run's");
    static readonly OptionDescription<string?> s_models = OptionDescription.Text("models", "FOLDER", "Folder of more, watched: NAME.safetensors, or NAME/NUMBER.safetensors for versions");
    static readonly OptionDescription<string?> s_reference = OptionDescription.Text("reference", "DATA", "Labelled images as they are expected, none of training: their statistics are written beside each model, and drift is measured against them");
    static readonly OptionDescription<string?> s_shadow = OptionDescription.Text("shadow", "[NAME=]PATH", "Candidate that answers the same pictures in the background, to be compared; several separated by semicolons", group: Candidate);
    static readonly OptionDescription<double> s_canary = OptionDescription.Of("canary", "SHARE", "Share of requests that the candidate answers, until it fails or is significantly worse", OptionText.Fraction, 0.0, Candidate);
    static readonly OptionDescription<double> s_disagreement = OptionDescription.Of("canary-disagreement", "SHARE", "Share of answers in which a canary may differ", OptionText.Fraction, s_defaults.CanaryDisagreement, Candidate);
    static readonly OptionDescription<string?> s_capture = OptionDescription.Text("capture", "FOLDER", "Folder to write pictures to, with their answers; without it none reaches a disk", group: Capture);
    static readonly OptionDescription<double> s_captureShare = OptionDescription.Of("capture-share", "SHARE", "Share of the pictures that is written", Share, s_defaults.CaptureShare, Capture);
    static readonly OptionDescription<TimeSpan> s_captureFor = OptionDescription.Of("capture-for", "TIME", "How long they are kept", OptionText.Limit, s_defaults.CaptureFor, Capture, "168h");
    static readonly OptionDescription<long?> s_captureMax = OptionDescription.Of("capture-max", "SIZE", "Most bytes that are kept; beyond them the oldest are deleted", OptionText.Bytes, (long?)s_defaults.CaptureMaxBytes, Capture, "1g");
    static readonly OptionDescription<Uri?> s_otlp = OptionDescription.Of("otlp", "ADDRESS", "Collector to send metrics and traces to (OTLP over HTTP), for example http://127.0.0.1:4318", OptionText.Address, (Uri?)null);
    static readonly OptionDescription<string?> s_urls = OptionDescription.Text("urls", "ADDRESSES", "Where to listen, separated by semicolons; http://0.0.0.0:8080 for everybody", ModelServer.DefaultAddress);
    static readonly OptionDescription<string?> s_grpc = OptionDescription.Text("grpc", "ADDRESS", "Where to take calls of gRPC without TLS, for example http://127.0.0.1:8081; with TLS --urls takes them");
    static readonly OptionDescription<int> s_batch = OptionDescription.Of("batch-size", "N", "Most pictures scored together", OptionText.Positive, s_defaults.BatchSize);
    static readonly OptionDescription<int> s_delay = OptionDescription.Of("batch-delay", "MS", "Milliseconds a picture waits for company while the engine is idle", NotNegative, 0);
    static readonly OptionDescription<int> s_queue = OptionDescription.Of("max-pictures", "N", "Most pictures under way; more are refused (429)", OptionText.Positive, s_defaults.MaxPictures, Limits);
    static readonly OptionDescription<long?> s_body = OptionDescription.Of("max-body", "SIZE", "Largest body of a request", OptionText.Bytes, (long?)s_defaults.MaxBodyBytes, Limits, "10m");
    static readonly OptionDescription<long> s_pixels = OptionDescription.Of("max-pixels", "N", "Largest picture, in pixels", OptionText.Pixels, s_defaults.MaxPicturePixels, Limits);
    static readonly OptionDescription<TimeSpan> s_timeout = OptionDescription.Of("timeout", "TIME", "Longest time a request may take", OptionText.Limit, s_defaults.Timeout, Limits);
    static readonly OptionDescription<TimeSpan> s_drain = OptionDescription.Of("drain-delay", "TIME", "How long it answers on, not ready, once asked to end", OptionText.Limit, s_defaults.DrainDelay, Limits);
    static readonly OptionDescription<Uri?> s_check = OptionDescription.Of("check", "ADDRESS", "Serve nothing: ask whether a server lives there, for a container's health check", OptionText.Address, (Uri?)null);
    static readonly OptionDescription<string?> s_key = new("api-key", "Key that requests must carry in X-Api-Key; better as a variable than typed", text => text, null) { ValueName = "KEY", Group = Safety, IsRecorded = false };
    static readonly OptionDescription<string?> s_token = new("bearer-token", "Token that requests must carry in Authorization; better as a variable", text => text, null) { ValueName = "TOKEN", Group = Safety, IsRecorded = false };

    public override string Arguments => "[NAME=]PATH...";

    public override string ArgumentsHelp => "More models, as --model names one";

    public override (int Least, int Most) ArgumentCount => (0, 1000);

    protected override IEnumerable<OptionDescription> OwnOptions =>
        [s_model, s_models, s_reference, s_urls, s_grpc, s_otlp, s_batch, s_delay, s_queue, s_body, s_pixels, s_timeout, s_drain, s_shadow, s_canary, s_disagreement, s_capture, s_captureShare, s_captureFor, s_captureMax, s_key, s_token, s_check, TrainingTable.Threads];

    public override IReadOnlyList<string> Examples => ["--model cats=runs/train/seed-cnn", "--models models --urls http://0.0.0.0:8080", "--model cats=old.safetensors --shadow cats=new.safetensors --canary 0.05"];

    public override string Note => "curl -F file=@cat.jpg http://127.0.0.1:8080/predict answers; GET /routes lists the rest, and / is a page to try it.";

    public override int Run(Call call)
    {
        if (call.Get(s_check) is { } address)
        {
            Ask(address);
            return ExitCodes.Ok;
        }

        ServeAsync(call).GetAwaiter().GetResult();
        return call.Done();
    }

    static void Ask(Uri address)
    {
        // Less than the container's own limit for its check, so that there is an answer.
        using var client = new HttpClient { Timeout = TimeSpan.FromSeconds(2) };
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(address, "livez"));
        try
        {
            using var response = client.Send(request);
            response.EnsureSuccessStatusCode();
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            throw CliErrors.NobodyServes(request.RequestUri!, e);
        }
    }

    static async Task ServeAsync(Call call)
    {
        var options = Serving(call);
        if (call.Get(s_reference) is { } reference)
            WriteReferences(call, options.Models.Values, reference);
        var urls = call.Get(s_urls)!;
        if (options.ApiKey is null && options.BearerToken is null && urls.Split(';').Append(call.Get(s_grpc)).OfType<string>().Any(IsOpen))
            call.Terminal.Warn("others can reach this server, and it asks for no key; see --api-key");
        await using var server = await ModelServer.StartAsync(options, urls, logging => logging.AddProvider(new TerminalLog(call.Terminal)), grpcAddress: call.Get(s_grpc), cancellation: call.Stop).ConfigureAwait(false);

        // Ends before the server, whose gauges it reads a last time.
        using var telemetry = call.Get(s_otlp) is { } collector ? new ServeTelemetry(collector) : null;
        foreach (var address in server.Addresses)
        {
            if (call.Json)
                JsonLine.Write(call.Terminal.Out, json =>
                {
                    json.WriteString("event", "listening");
                    json.WriteString("address", address);
                });
            else
                call.Terminal.Out.WriteLine(address);
        }

        await Task.Delay(Timeout.Infinite, call.Stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await server.StopAsync().ConfigureAwait(false);
    }

    static void WriteReferences(Call call, IEnumerable<string> models, string data)
    {
        foreach (var path in models)
        {
            using var model = ImageClassifier.Load(path);
            using var images = ImageDataset.Open(data, new ImageDatasetOptions { Spec = model.Preprocess }, cancellation: call.Stop);
            call.Terminal.Log($"drift    {DriftReference.Write(path, model, images.Test ?? images.Validation ?? images.Train, call.Stop)}");
        }
    }

    static ServingOptions Serving(Call call)
    {
        string?[] named = [call.Get(s_model), .. call.Arguments];
        var models = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var text in named.OfType<string>())
        {
            var (name, path) = Split(text);
            if (!models.TryAdd(name, RunFolder.ModelPath(path)))
                throw CliErrors.Value(s_model.Option, text, $"a name that is not taken: '{name}' is {models[name]}");
        }

        if (models.Count == 0 && call.Get(s_models) is null)
            models.Add("default", RunFolder.ModelPath(ModelChoice.Newest(call)));
        var options = new ServingOptions
        {
            Models = models,
            Candidates = Candidates(call, models),
            CanaryShare = call.Get(s_canary),
            CanaryDisagreement = call.Get(s_disagreement),
            ModelsFolder = call.Get(s_models) is not { } folder || Directory.Exists(folder) ? call.Get(s_models) : throw CliErrors.InputNotFound(folder),
            Threads = call.Get(TrainingTable.Threads),
            BatchSize = call.Get(s_batch),
            BatchDelay = TimeSpan.FromMilliseconds(call.Get(s_delay)),
            MaxPictures = call.Get(s_queue),
            MaxBodyBytes = call.Get(s_body) ?? s_defaults.MaxBodyBytes,
            MaxPicturePixels = call.Get(s_pixels),
            Timeout = call.Get(s_timeout),
            DrainDelay = call.Get(s_drain),
            CaptureFolder = call.Get(s_capture),
            CaptureShare = call.Get(s_captureShare),
            CaptureFor = call.Get(s_captureFor),
            CaptureMaxBytes = call.Get(s_captureMax) ?? s_defaults.CaptureMaxBytes,
            ApiKey = call.Get(s_key),
            BearerToken = call.Get(s_token),
        };
        try
        {
            options.Validate();
            return options;
        }
        catch (ArgumentException e)
        {
            throw CliErrors.Argument(e.Message, e);
        }
    }

    /// <summary>Candidates by name; without a name, of the only model.</summary>
    static Dictionary<string, string> Candidates(Call call, Dictionary<string, string> models)
    {
        var candidates = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var text in (call.Get(s_shadow) ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var (name, path) = Split(text);
            if (path == text)
                name = models.Count == 1 && call.Get(s_models) is null ? models.Keys.Single() : throw CliErrors.Value(s_shadow.Option, text, "NAME=PATH, the name of a model that is served");
            if (!candidates.TryAdd(name, RunFolder.ModelPath(path)))
                throw CliErrors.Value(s_shadow.Option, text, $"one candidate a model: '{name}' has {candidates[name]}");
        }

        return candidates;
    }

    /// <summary>A name and a path; without a name that of the run's folder, or of the file.</summary>
    static (string Name, string Path) Split(string text)
    {
        if (text.IndexOf('=') is > 0 and var at && !File.Exists(text) && !Directory.Exists(text))
            return (text[..at], text[(at + 1)..]);
        return (Path.GetFileNameWithoutExtension(Path.TrimEndingDirectorySeparator(text)), text);
    }

    static bool IsOpen(string url) => !Uri.TryCreate(url, UriKind.Absolute, out var address) || !address.IsLoopback;

    static double Share(string text) => text == "1" ? 1 : OptionText.Fraction(text) is > 0 and var value ? value : throw new FormatException("a number above 0, at most 1");

    static int NotNegative(string text) => OptionText.Int(text) is >= 0 and <= 1000 and var value ? value : throw new FormatException("a whole number from 0 to 1000");
}
