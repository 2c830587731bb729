using System.Diagnostics;
using System.Net;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using MlNetCifar.Client;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Server;

/// <summary>The typed client, and the examples of the page about serving, against a running server.</summary>
[TestClass]
public sealed partial class ClientTests
{
    [TestMethod]
    public async Task Calls_AnswerAsTheModelAlone()
    {
        await using var server = await RunningServer.Start();
        using var client = Client(server.Server.Addresses[0]);
        var answer = await client.PredictAsync(RunningServer.Png());
        AssertSame(server.Model.Classify(RunningServer.Png()), answer);
        Assert.AreEqual(("small", "1", server.Model.WeightsSha256, (string?)null), (answer.Model.Name, answer.Model.Version, answer.Model.Sha256, answer.Model.Role));
        Assert.HasCount(1, (await client.PredictAsync(RunningServer.Png(), new PredictOptions { Model = "small", Version = "1", Top = 1 })).Predictions);
        var unsure = await client.PredictAsync(RunningServer.Png(), new PredictOptions { Threshold = 1 });
        Assert.AreEqual((0, true), (unsure.Predictions.Count, unsure.Unknown));

        var results = await client.PredictAsync([RunningServer.Png(1), new byte[] { 1, 2, 3 }, RunningServer.Png(2)]);
        AssertSame(server.Model.Classify(RunningServer.Png(1)), results[0].Answer!);
        Assert.AreEqual(("MNC1202", 400), (results[1].Fault!.Code, results[1].Fault!.Status));
        AssertSame(server.Model.Classify(RunningServer.Png(2)), results[2].Answer!);
        Assert.IsNotNull((await client.PredictAsync([RunningServer.Png()])).Single().Answer);

        CollectionAssert.AreEqual(new byte[] { 0x89, (byte)'P', (byte)'N', (byte)'G' }, (await client.ExplainAsync(RunningServer.Png(), "ç", "small"))[..4]);
        Assert.IsTrue(await client.TellAsync(answer.RequestId, answer.Predictions[0].Label));
        Assert.AreEqual((404, "MNC8012"), Told(await Assert.ThrowsExactlyAsync<ServerException>(() => client.TellAsync(answer.RequestId, "a"))));
        var model = (await client.ModelsAsync()).Single();
        CollectionAssert.AreEqual(server.Model.Classes.ToArray(), model.Classes.ToArray());
        Assert.AreEqual((6, 8, false), (model.Width, model.Height, model.Calibrated));
    }

    [TestMethod]
    public async Task Faults_AreTold_WithTheirCode()
    {
        await using var server = await RunningServer.Start(o => o with { ApiKey = "right" });
        using var without = Client(server.Server.Addresses[0]);
        Assert.AreEqual((401, "MNC8009"), Told(await Assert.ThrowsExactlyAsync<ServerException>(() => without.PredictAsync(RunningServer.Png()))));
        using var client = new ModelClient(new ModelClientOptions { Address = new Uri(server.Server.Addresses[0]), ApiKey = "right", Retries = 0 });
        var fault = await Assert.ThrowsExactlyAsync<ServerException>(() => client.PredictAsync(RunningServer.Png(), new PredictOptions { Model = "other" }));
        Assert.AreEqual((404, "MNC8001"), Told(fault));
        StringAssert.Contains(fault.Message, "There is: small.");
        Assert.IsNotNull(fault.RequestId);
        Assert.IsNotNull((await client.PredictAsync(RunningServer.Png())).RequestId);
        Assert.ThrowsExactly<ArgumentException>(() => new ModelClient(new ModelClientOptions { Address = new Uri("ftp://a"), Retries = -1 }));
        using var nobody = new ModelClient(new ModelClientOptions { Address = new Uri("http://127.0.0.1:1"), Retries = 1, Delay = TimeSpan.FromMilliseconds(1) });
        await Assert.ThrowsExactlyAsync<HttpRequestException>(() => nobody.PredictAsync(RunningServer.Png()));
    }

    [TestMethod]
    [TestCategory("Slow")]
    public async Task Overload_IsWaitedOut()
    {
        await using var server = await RunningServer.Start(o => o with { MaxPictures = 2, BatchDelay = TimeSpan.FromMilliseconds(100), BatchSize = 64 });
        using var client = Client(server.Server.Addresses[0]);
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => client.PredictAsync(RunningServer.Png(i))));
        for (var i = 0; i < answers.Length; i++)
            AssertSame(server.Model.Classify(RunningServer.Png(i)), answers[i]);
        StringAssert.Contains(await server.Client.GetStringAsync("/metrics"), "mlnetcifar_rejected_total{reason=\"MNC8006\"}");
    }

    [TestMethod]
    public async Task Retries_AreOfWhatHelps_AndOfLabelsOnlyWhereNothingWasDone()
    {
        // What answers, how often it is asked for a prediction, and how often a label is sent.
        foreach (var (status, predictions, labels) in new[] { (429, 3, 3), (503, 3, 3), (504, 3, 1), (500, 1, 1), (404, 1, 1), (0, 3, 1) })
        {
            var handler = new Answers(status);
            var services = new ServiceCollection();
            services.AddModelClient(new ModelClientOptions { Address = new Uri("http://nowhere.invalid"), Retries = 2, Delay = TimeSpan.FromMilliseconds(1) }).ConfigurePrimaryHttpMessageHandler(() => handler);
            await using var provider = services.BuildServiceProvider();
            var client = provider.GetRequiredService<ModelClient>();
            await Fails(() => client.PredictAsync(RunningServer.Png()));
            Assert.AreEqual(predictions, handler.Bodies.Count, $"{status}");
            foreach (var body in handler.Bodies)
                CollectionAssert.AreEqual(RunningServer.Png(), body, "each attempt sends all of it");
            handler.Bodies.Clear();
            await Fails(() => client.TellAsync("id", "a"));
            Assert.AreEqual(labels, handler.Bodies.Count, $"{status}");
        }

        static async Task Fails(Func<Task> call)
        {
            var fault = await Assert.ThrowsAsync<Exception>(call);
            Assert.IsTrue(fault is ServerException or HttpRequestException, fault.ToString());
        }
    }

    [TestMethod]
    public async Task Deadline_EndsTheCall()
    {
        await using var server = await RunningServer.Start(o => o with { BatchDelay = TimeSpan.FromSeconds(1), BatchSize = 64 });
        using var client = new ModelClient(new ModelClientOptions { Address = new Uri(server.Server.Addresses[0]), Timeout = TimeSpan.FromMilliseconds(100) });
        await Assert.ThrowsExactlyAsync<TimeoutException>(() => client.PredictAsync(RunningServer.Png()));
    }

    [TestMethod]
    [DataRow("bash", "bash", "-e")]
    [DataRow("python", "python3", "-")]
    public async Task Examples_OfThePageRun(string language, string program, string argument)
    {
        var page = await File.ReadAllTextAsync(Repository.File("docs", "serving.md"));
        var examples = Example().Matches(page.Split("\n## Clients\n")[1]).Where(m => m.Groups["language"].Value == language).Select(m => m.Groups["text"].Value).ToArray();
        Assert.IsNotEmpty(examples);
        await using var server = await RunningServer.Start();
        await File.WriteAllBytesAsync(server["cat.jpg"], RunningServer.Png(1));
        await File.WriteAllBytesAsync(server["dog.jpg"], RunningServer.Png(2));
        foreach (var example in examples)
        {
            var text = example.Replace("http://127.0.0.1:8080", server.Server.Addresses[0], StringComparison.Ordinal).Replace("\"cat\"", "\"a\"", StringComparison.Ordinal);
            var (code, output) = await Run(program, argument, Path.GetDirectoryName(server["cat.jpg"])!, text);
            Assert.AreEqual(0, code, output);
            StringAssert.Contains(output, server.Model.Classify(RunningServer.Png(1)).Predictions[0].Label, $"{text}\n{output}");
        }
    }

    static async Task<(int Code, string Output)> Run(string program, string argument, string folder, string text)
    {
        Process process;
        try
        {
            process = Process.Start(new ProcessStartInfo(program, [argument]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder })!;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            throw new AssertInconclusiveException($"{program} is not installed.");
        }

        using (process)
        {
            var output = Task.WhenAll(process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
            await process.StandardInput.WriteAsync(text);
            process.StandardInput.Close();
            await process.WaitForExitAsync();
            return (process.ExitCode, string.Concat(await output));
        }
    }

    static ModelClient Client(string address) => new(new ModelClientOptions { Address = new Uri(address), Retries = 20, Delay = TimeSpan.FromMilliseconds(20) });

    static (int, string?) Told(ServerException fault) => (fault.Status, fault.Code);

    static void AssertSame(Classification expected, PictureAnswer answer) => CollectionAssert.AreEqual(
        expected.Predictions.Select(p => (p.Label, p.Index, BitConverter.SingleToInt32Bits(p.Probability))).ToArray(),
        answer.Predictions.Select(p => (p.Label, p.Index, BitConverter.SingleToInt32Bits(p.Probability))).ToArray());

    /// <summary>Answers everything with one status; 0 for a connection that breaks.</summary>
    sealed class Answers(int status) : HttpMessageHandler
    {
        public List<byte[]> Bodies { get; } = [];

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Bodies.Add(await request.Content!.ReadAsByteArrayAsync(cancellationToken));
            return status == 0 ? throw new HttpRequestException("broken") : new HttpResponseMessage((HttpStatusCode)status);
        }
    }

    [GeneratedRegex("^```(?<language>bash|python)\n(?<text>.*?)^```", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex Example();
}
