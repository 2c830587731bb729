using MlNetCifar.App.Cli;

namespace MlNetCifar.App.Commands.Clusters;

/// <summary>Stops a local cluster.</summary>
internal sealed class ClusterStopCommand() : Verb("stop", "Stop a cluster of 'cluster start' and remove its folder, with all that is on its HDFS.")
{
    static readonly OptionDescription<bool> s_keep = OptionDescription.Flag("keep-logs", "Leave the logs");

    protected override IEnumerable<OptionDescription> OwnOptions => [ClusterView.Folder, s_keep];

    public override int Run(Call call)
    {
        var cluster = ClusterView.Find(call);
        string[] stale = [.. ClusterView.Variables(cluster).Where(variable => call.Terminal.Variable(variable.Name) == variable.Value).Select(variable => variable.Name)];
        var count = cluster.Daemons.Count(d => d.IsAlive);
        cluster.StopAsync(call.Get(s_keep)).GetAwaiter().GetResult();
        if (call.Json)
            JsonLine.Write(call.Terminal.Out, json => json.WriteNumber("stopped", count));
        else
            call.Terminal.Out.WriteLine($"{count} daemons stopped");
        if (stale.Length > 0)
            call.Terminal.Log($"these variables still name it: unset {string.Join(' ', stale)}");
        return ExitCodes.Ok;
    }
}
