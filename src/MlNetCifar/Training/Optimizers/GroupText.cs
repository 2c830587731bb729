using System.Globalization;

namespace MlNetCifar.Training;

/// <summary>Parameter groups as text, as the command line and run records hold them.</summary>
internal static class GroupText
{
    /// <summary>No groups.</summary>
    public const string None = "none";

    const string Frozen = "frozen";

    static readonly ParameterGroup s_default = new();

    static readonly Setting[] s_settings =
    [
        new("role", g => g.Role, (g, text) => g with { Role = Name<Nn.ParameterRole>(text) }),
        new("first-layer", g => g.FirstLayer, (g, text) => g with { FirstLayer = Whole(text) }),
        new("last-layer", g => g.LastLayer, (g, text) => g with { LastLayer = Whole(text) }),
        new("optimizer", g => g.Optimizer, (g, text) => g with { Optimizer = Name<OptimizerKind>(text) }),
        new("learning-rate", g => g.LearningRate, (g, text) => g with { LearningRate = Number(text) }),
        new("rate-factor", g => g.RateFactor, (g, text) => g with { RateFactor = Number(text) }),
        new("weight-decay", g => g.WeightDecay, (g, text) => g with { WeightDecay = Number(text) }),
        new("schedule", g => g.Schedule, (g, text) => g with { Schedule = Name<ScheduleKind>(text) }),
        new("trained-share", g => g.TrainedShare, (g, text) => g with { TrainedShare = Number(text) }),
        new(Frozen, g => g.Frozen, (g, text) => g with { Frozen = text.Length == 0 ? true : throw Expected($"{Frozen} without a value") }),
        new("thaw-after-epochs", g => g.ThawAfterEpochs, (g, text) => g with { ThawAfterEpochs = Whole(text) }),
    ];

    /// <summary>One group as text.</summary>
    public static string Of(ParameterGroup group)
    {
        var settings = s_settings.Where(s => !Equals(s.Read(group), s.Read(s_default))).Select(s => s.Name == Frozen ? Frozen : $"{s.Name}={Text(s.Read(group)!)}").ToArray();
        return settings.Length == 0 ? group.Tensors : $"{group.Tensors}: {string.Join(", ", settings)}";
    }

    /// <summary>One group from text.</summary>
    /// <exception cref="FormatException">The text is something else.</exception>
    public static ParameterGroup Parse(string text)
    {
        var colon = text.IndexOf(':');
        var names = (colon < 0 ? text : text[..colon]).Trim();
        if (names.Length == 0)
            throw Expected("names of tensors before the colon, for example 'conv*: frozen'");
        return (colon < 0 ? "" : text[(colon + 1)..]).Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            .Aggregate(new ParameterGroup(names), Apply);
    }

    static ParameterGroup Apply(ParameterGroup group, string word)
    {
        var parts = word.Split('=', 2, StringSplitOptions.TrimEntries);
        var setting = s_settings.FirstOrDefault(s => s.Name == parts[0]) ?? throw Expected($"one of {string.Join(", ", s_settings.Select(s => s.Name))} instead of '{parts[0]}'");
        return setting.Write(group, parts.Length == 1 ? "" : parts[1]);
    }

    static int Whole(string text) =>
        int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) ? value : throw Expected($"a whole number instead of '{text}'");

    static float Number(string text) =>
        float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) ? value : throw Expected($"a number instead of '{text}'");

    static T Name<T>(string text)
        where T : struct, Enum
    {
        var plain = text.Replace("-", "", StringComparison.Ordinal);
        foreach (var value in Enum.GetValues<T>())
        {
            if (value.ToString().Equals(plain, StringComparison.OrdinalIgnoreCase))
                return value;
        }

        throw Expected($"one of {string.Join(", ", Enum.GetNames<T>().Select(n => n.ToLowerInvariant()))} instead of '{text}'");
    }

    static string Text(object value) => value is Enum name ? name.ToString().ToLowerInvariant() : ((IFormattable)value).ToString(null, CultureInfo.InvariantCulture);

    static FormatException Expected(string what) => new(what);

    sealed record Setting(string Name, Func<ParameterGroup, object?> Read, Func<ParameterGroup, string, ParameterGroup> Write);
}
