using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using MlNetCifar.Server;
using MlNetCifar.Tests.Inference;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Server;

/// <summary>The routes within an application of somebody else.</summary>
[TestClass]
public sealed class OwnApplicationTests
{
    [TestMethod]
    public async Task Routes_LieWhereTheApplicationWantsThem()
    {
        using var folder = new TestFolder();
        using var model = SmallModel.Create();
        model.Save(folder["small.safetensors"]);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddMlNetCifar(new ServingOptions { Models = new Dictionary<string, string> { ["small"] = folder["small.safetensors"] } });
        await using var app = builder.Build();
        app.MapGroup("/vision").MapMlNetCifar();
        await app.StartAsync();
        var checks = app.Services.GetRequiredService<HealthCheckService>();
        for (var i = 0; i < 200 && (await checks.CheckHealthAsync()).Status != HealthStatus.Healthy; i++)
            await Task.Delay(50);
        Assert.AreEqual(HealthStatus.Healthy, (await checks.CheckHealthAsync()).Status);
        using var client = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };
        using var answer = await client.PostAsync("/vision/predict", RunningServer.Body(RunningServer.Png()));
        RunningServer.AssertSame(model.Classify(RunningServer.Png()), System.Text.Json.JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement);
        await app.StopAsync();
        Assert.AreEqual(HealthStatus.Unhealthy, (await checks.CheckHealthAsync()).Status);
    }

    [TestMethod]
    public async Task ForgottenServices_AreNamed()
    {
        await using var app = WebApplication.CreateSlimBuilder().Build();
        StringAssert.Contains(Assert.ThrowsExactly<InvalidOperationException>(() => app.MapMlNetCifar()).Message, "AddMlNetCifar");
    }
}
