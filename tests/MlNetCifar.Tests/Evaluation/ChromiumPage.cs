using System.Diagnostics;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Evaluation;

/// <summary>A page that stays open in headless Chromium, to run scripts in by its DevTools protocol.</summary>
internal sealed class ChromiumPage : IDisposable
{
    readonly TestFolder _profile = new();
    readonly ClientWebSocket _socket = new();
    readonly CancellationTokenSource _limit = new(TimeSpan.FromMinutes(3));
    readonly Process _process;
    int _calls;

    ChromiumPage(string page) => _process = Chromium.Start(["--remote-debugging-port=0", $"--user-data-dir={_profile.Root}", new Uri(page).AbsoluteUri]);

    /// <summary>Opens a file or an address.</summary>
    /// <param name="page">The file or address.</param>
    /// <param name="ready">A script that is true once the page can be used.</param>
    public static async Task<ChromiumPage> Open(string page, string ready = "window.classifier")
    {
        var opened = new ChromiumPage(page);
        try
        {
            await opened.Connect(new Uri(page).Scheme, ready);
            return opened;
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    /// <summary>The text that a script gives, or the text that its promise is kept with.</summary>
    public async Task<string> Evaluate(string script)
    {
        await Send("Runtime.evaluate", new { expression = script, awaitPromise = true, returnByValue = true });
        var answer = await Receive(_calls);
        return answer.TryGetProperty("exceptionDetails", out var fault) ? throw new InvalidOperationException(fault.ToString()) : answer.GetProperty("result").GetProperty("value").GetString()!;
    }

    /// <summary>A PNG of what the window shows at a size.</summary>
    public async Task<byte[]> Screenshot(int width, int height)
    {
        await Send("Emulation.setDeviceMetricsOverride", new { width, height, deviceScaleFactor = 1, mobile = width < 600 });
        await Receive(_calls);
        await Send("Page.captureScreenshot", new { format = "png" });
        return Convert.FromBase64String((await Receive(_calls)).GetProperty("data").GetString()!);
    }

    public void Dispose()
    {
        _socket.Dispose();
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
        _process.Dispose();
        _limit.Dispose();
        _profile.Dispose();
    }

    async Task Connect(string scheme, string ready)
    {
        var file = _profile["DevToolsActivePort"];
        string[] lines = [];
        while (lines.Length < 2)
        {
            await Task.Delay(100, _limit.Token);
            lines = File.Exists(file) ? await File.ReadAllLinesAsync(file, _limit.Token) : [];
        }

        using var client = new HttpClient();
        while (true)
        {
            var targets = JsonDocument.Parse(await client.GetStringAsync(new Uri($"http://127.0.0.1:{lines[0]}/json"), _limit.Token)).RootElement;
            foreach (var target in targets.EnumerateArray().Where(t => t.GetProperty("type").GetString() == "page" && t.GetProperty("url").GetString()!.StartsWith(scheme, StringComparison.Ordinal)))
            {
                await _socket.ConnectAsync(new Uri(target.GetProperty("webSocketDebuggerUrl").GetString()!), _limit.Token);
                while (await Evaluate($"'' + !!({ready})") != "true")
                    await Task.Delay(200, _limit.Token);
                return;
            }

            await Task.Delay(200, _limit.Token);
        }
    }

    Task Send(string method, object parameters) => _socket.SendAsync(
        JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, object> { ["id"] = ++_calls, ["method"] = method, ["params"] = parameters }),
        WebSocketMessageType.Text, endOfMessage: true, _limit.Token);

    async Task<JsonElement> Receive(int call)
    {
        var buffer = new byte[1 << 16];
        while (true)
        {
            using var text = new MemoryStream();
            WebSocketReceiveResult part;
            do
            {
                part = await _socket.ReceiveAsync(buffer, _limit.Token);
                text.Write(buffer, 0, part.Count);
            }
            while (!part.EndOfMessage);
            var message = JsonDocument.Parse(Encoding.UTF8.GetString(text.ToArray())).RootElement;
            if (message.TryGetProperty("id", out var id) && id.GetInt32() == call)
                return message.TryGetProperty("result", out var result) ? result : throw new InvalidOperationException(message.ToString());
        }
    }
}
