using MlNetCifar.App.Cli;
using MlNetCifar.App.Runs;
using MlNetCifar.Data;

namespace MlNetCifar.App.Commands.Datasets;

/// <summary>Downloads a data set.</summary>
internal sealed class DatasetGetCommand() : Verb("get", "Download a data set and check it; an interrupted download is continued.")
{
    static readonly Setting<string?> s_folder = Cli.Settings.Text("folder", "FOLDER", "Where the archive goes", "datasets");

    public override string Arguments => "NAME";

    public override string ArgumentsHelp => string.Join(", ", DatasetCatalog.All.Select(d => d.Name));

    protected override IEnumerable<Setting> OwnSettings => [s_folder];

    public override int Run(Call call)
    {
        var set = DatasetCatalog.Find(call.Arguments[0]);
        using var client = new HttpClient();
        var started = TimeProvider.System.GetTimestamp();
        var path = Bars.Run(call.Terminal, $"downloading {set.Name}", advance => new DatasetDownloader(client).DownloadAsync(set, call.Get(s_folder)!, new Received(p =>
        {
            var speed = p.Bytes / Math.Max(TimeProvider.System.GetElapsedTime(started).TotalSeconds, 1e-3);
            advance(p.Total is > 0 and var total ? (double)p.Bytes / total : 0, $"downloading {set.Name}  {MachineInfo.Bytes(p.Bytes)}  {MachineInfo.Bytes(speed)}/s");
        }), call.Stop).GetAwaiter().GetResult());
        if (call.Json)
            JsonLine.Write(call.Terminal.Out, json => json.WriteString("path", path));
        else
            call.Terminal.Out.WriteLine(path);
        call.Terminal.Log($"checked; train on it: mlnetcifar train --data {path}");
        return ExitCodes.Ok;
    }

    sealed class Received(Action<DownloadProgress> report) : IProgress<DownloadProgress>
    {
        public void Report(DownloadProgress value) => report(value);
    }
}
