using System.Collections.Immutable;
using MlNetCifar.Nn;
using MlNetCifar.Training;

namespace MlNetCifar.Transfer;

/// <summary>Layers of a backbone that see pictures of one size, by their places from 1.</summary>
/// <param name="First">The first that has weights.</param>
/// <param name="Last">The last.</param>
internal readonly record struct Stage(int First, int Last);

/// <summary>
/// Divides a backbone with a head into stages, and says how each is trained: gradually from the head to the stem (Howard and Ruder 2018), at rates that fall towards the stem.
/// </summary>
internal static class FineTunePlan
{
    /// <summary>A stage's rate as a share of the one behind it; the head has the full rate.</summary>
    public const float RateFalls = 0.5f;

    /// <summary>The share of the epochs after which the last stage to thaw, the stem, is trained too.</summary>
    const double ThawedAfter = 0.5;

    /// <summary>The stages before the head, from the stem on.</summary>
    /// <param name="network">Ends in a dense layer, the head.</param>
    public static ImmutableArray<Stage> Stages(NetworkSpec network)
    {
        using var weights = new NetworkWeights(network);
        var trained = weights.Tensors.Where(t => t.Spec.IsTrained).Select(t => t.Node).ToHashSet<LayerNode>(ReferenceEqualityComparer.Instance);
        var layers = Enumerable.Range(0, weights.Nodes.Length).Where(i => weights.Nodes[i].Flat().Any(trained.Contains)).ToArray();
        return
        [
            .. layers[..^1].GroupBy(i => (weights.Nodes[i].Output.H, weights.Nodes[i].Output.W), (_, places) => places.ToArray()).Select(places => new Stage(places[0] + 1, places[^1] + 1)),
        ];
    }

    /// <summary>The groups of a depth. Running statistics stay as they are unless that is not wanted: batches are small, and pictures of one's own few.</summary>
    /// <param name="network">As at <see cref="Stages"/>.</param>
    /// <param name="depth">Not <see cref="FineTuning.None"/>.</param>
    /// <param name="epochs">Of the run, roughly; decides when stages thaw.</param>
    /// <param name="freezeStatistics">Whether batch normalisation goes on with the backbone's statistics.</param>
    public static ParameterGroups Groups(NetworkSpec network, FineTuning depth, double epochs, bool freezeStatistics)
    {
        var stages = Stages(network);
        var groups = new List<ParameterGroup>();
        if (freezeStatistics && HasStatistics(network))
            groups.Add(new() { Role = ParameterRole.Statistic, Frozen = true });
        var gap = stages.Length < 2 ? 0 : ThawedAfter * epochs / (stages.Length - 1);
        for (var i = 0; i < stages.Length; i++)
        {
            var behind = stages.Length - 1 - i;
            var group = new ParameterGroup { FirstLayer = i == 0 ? null : stages[i].First, LastLayer = stages[i].Last };
            if (behind > 0 && depth == FineTuning.LastStage)
                groups.Add(group with { FirstLayer = null, Frozen = true });
            else
                groups.Add(group with { RateFactor = MathF.Pow(RateFalls, behind + 1), Frozen = behind > 0, ThawAfterEpochs = behind > 0 ? Math.Max(1, (int)Math.Round(behind * gap, MidpointRounding.AwayFromZero)) : null });
        }

        // Frozen stages that are never trained are one group.
        var first = groups.FindLastIndex(g => g is { Frozen: true, ThawAfterEpochs: null, Role: null });
        return [.. groups.Where((g, i) => i >= first || g.Role is not null)];
    }

    static bool HasStatistics(NetworkSpec network)
    {
        using var weights = new NetworkWeights(network);
        return weights.Tensors.Any(t => t.Role == ParameterRole.Statistic);
    }
}
