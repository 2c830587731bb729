using MlNetCifar.App.Cli;
using MlNetCifar.App.Runs;
using MlNetCifar.Data;

namespace MlNetCifar.App.Commands.Datasets;

/// <summary>Downloads a data set.</summary>
internal sealed class DatasetGetCommand() : Verb("get", "Download a data set and check it; an interrupted download is continued.")
{
    static readonly OptionDescription<string?> s_folder = OptionDescription.Text("folder", "FOLDER", "Where the archive goes", "datasets");

    public override string Arguments => "NAME";

    public override string ArgumentsHelp => string.Join(", ", KnownDataset.All.Select(d => d.Name));

    protected override IEnumerable<OptionDescription> OwnOptions => [s_folder];

    public override int Run(Call call)
    {
        var set = KnownDataset.Find(call.Arguments[0]);
        var path = Download(call, set);
        if (call.Json)
            JsonLine.Write(call.Terminal.Out, json => json.WriteString("path", path));
        else
            call.Terminal.Out.WriteLine(path);
        call.Terminal.Log($"checked; train on it: mlnetcifar train --data {path}");
        return ExitCodes.Ok;
    }

    static string Download(Call call, KnownDataset set)
    {
        using var client = new HttpClient();
        var started = TimeProvider.System.GetTimestamp();
        using var bar = new Bar(call.Terminal, $"downloading {set.Name}");
        return set.DownloadAsync(client, call.Get(s_folder)!, new Reporter<DownloadProgress>(p =>
        {
            var speed = p.Bytes / Math.Max(TimeProvider.System.GetElapsedTime(started).TotalSeconds, 1e-3);
            bar.Advance(
                p.Total is > 0 and var total ? (double)p.Bytes / total : 0,
                $"downloading {set.Name}  {OptionText.OfBytes(p.Bytes)}  {OptionText.OfBytes(speed)}/s");
        }), call.Stop).GetAwaiter().GetResult();
    }
}
