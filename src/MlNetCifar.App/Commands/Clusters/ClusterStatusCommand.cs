using MlNetCifar.App.Cli;

namespace MlNetCifar.App.Commands.Clusters;

/// <summary>Says whether a local cluster runs.</summary>
internal sealed class ClusterStatusCommand() : Verb("status", "Show the daemons of a cluster of 'cluster start'. Exit code 1 if one is dead.")
{
    protected override IEnumerable<OptionDescription> OwnOptions => [ClusterView.Folder];

    public override int Run(Call call)
    {
        var cluster = ClusterView.Find(call);
        if (call.Json)
        {
            ClusterView.PrintJson(call, cluster);
        }
        else
        {
            ClusterView.PrintTable(call, cluster);
            ClusterView.PrintVariables(call, cluster);
        }

        return cluster.Daemons.Count > 0 && cluster.Daemons.All(d => d.IsAlive) ? ExitCodes.Ok : ExitCodes.Failure;
    }
}
