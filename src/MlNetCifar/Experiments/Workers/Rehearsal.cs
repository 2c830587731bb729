using System.Text.Json;

namespace MlNetCifar.Experiments;

/// <summary>What a run with faults came to, beside the same run undisturbed.</summary>
/// <param name="Plan">The faults.</param>
/// <param name="Disturbed">SHA-256 of the last weights with them.</param>
/// <param name="Undisturbed">The same without.</param>
/// <param name="Accuracies">On the training images, in the last epoch: with and without.</param>
internal sealed record Rehearsal(string Plan, string Disturbed, string Undisturbed, (double With, double Without) Accuracies)
{
    /// <summary>Whether the faults changed nothing.</summary>
    public bool IsSame => Disturbed == Undisturbed;

    /// <summary>In words.</summary>
    public string Summary => IsSame
        ? $"{Plan}: the weights are those of the undisturbed run, SHA-256 {Disturbed[..12]}…"
        : FormattableString.Invariant($"{Plan}: other weights ({Disturbed[..12]}…) than those of the undisturbed run ({Undisturbed[..12]}…); accuracy in the last epoch {Accuracies.With:0.000} with the faults, {Accuracies.Without:0.000} without");

    public static Rehearsal Of(string plan, TrainingResult disturbed, TrainingResult undisturbed) =>
        new(plan, disturbed.LastWeightsSha256, undisturbed.LastWeightsSha256, (Last(disturbed), Last(undisturbed)));

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject("rehearsal");
        json.WriteString("chaos", Plan);
        json.WriteString("last_weights_sha256", Disturbed);
        json.WriteString("undisturbed_sha256", Undisturbed);
        json.WriteBoolean("same", IsSame);
        json.WriteEndObject();
    }

    static double Last(TrainingResult result) => result.History is [.., var epoch] ? epoch.TrainAccuracy : double.NaN;
}
