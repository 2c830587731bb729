using System.Diagnostics;
using MlNetCifar.App.Cli;
using MlNetCifar.Tests.App;
using MlNetCifar.Tests.Inference;
using MlNetCifar.Tests.TestKit;
using MlNetCifar.Tests.Training.Resume;

namespace MlNetCifar.Tests.Server;

[TestClass]
public sealed class ServeCommandTests
{
    [TestMethod]
    public void WrongWords_AreTold()
    {
        using var folder = new TestFolder();
        Cli.Run("serve", "--model", folder["none.safetensors"], "--urls", "http://127.0.0.1:0").Bad(ExitCodes.DataRejected, "MNC4001");
        Cli.Run("serve", "--models", folder["none"]).Bad(ExitCodes.DataRejected, "MNC9011");
        Cli.Run("serve", "a=x.safetensors", "a=y.safetensors").Bad(ExitCodes.Usage, "MNC9002");
        Cli.Run("serve", "--model", "../a=x.safetensors").Bad(ExitCodes.Usage, "MNC9012");
        Assert.AreEqual(ExitCodes.Failure, Cli.Run("serve", "--check", "http://127.0.0.1:1").ExitCode);
    }

    [TestMethod]
    public async Task Command_ServesUntilItIsAskedToEnd_AndIsBackAtOnceAfterAKill()
    {
        using var folder = new Pictures();
        using (var model = SmallModel.Create())
            model.Save(folder["small.safetensors"]);
        for (var round = 0; round < 2; round++)
        {
            var clock = Stopwatch.StartNew();
            using var server = new ProgramProcess(["serve", "--model", $"cats={folder["small.safetensors"]}", "--urls", "http://127.0.0.1:0"]);
            var address = server.Until("http://").Log.Split('\n').First(line => line.StartsWith("http://", StringComparison.Ordinal)).Trim();
            Console.WriteLine($"ready after {clock.Elapsed.TotalSeconds:0.00} s");
            using var client = new HttpClient { BaseAddress = new Uri(address) };
            using var answer = await client.PostAsync("/predict", RunningServer.Body(RunningServer.Png()));
            StringAssert.Contains(await answer.Content.ReadAsStringAsync(), "\"name\":\"cats\"");
            Assert.AreEqual(ExitCodes.Ok, Cli.Run("serve", "--check", address).ExitCode);
            if (round == 0)
            {
                server.Signal("KILL");
                continue;
            }

            server.Signal("TERM");
            Assert.AreEqual(ExitCodes.Terminated, server.Exit());
        }
    }
}
