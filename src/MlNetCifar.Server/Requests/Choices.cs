using System.Globalization;

namespace MlNetCifar.Server.Requests;

/// <summary>What a client asks for beside its pictures.</summary>
/// <param name="Model">Name of the model; null for the only one.</param>
/// <param name="Version">Its version; null for the highest.</param>
/// <param name="Top">Classes wanted, ≥ 1.</param>
/// <param name="Threshold">Least probability of a class that is returned, 0 … 1.</param>
internal sealed record Choices(string? Model, string? Version, int Top, float Threshold)
{
    const int DefaultTop = 5;

    /// <summary>Reads route and query.</summary>
    /// <exception cref="RequestFault">A value cannot be used (400).</exception>
    public static Choices Of(HttpContext context)
    {
        var query = context.Request.Query;
        return new(
            context.Request.RouteValues["model"] as string ?? query["model"], context.Request.RouteValues["version"] as string ?? query["version"], Integer("top_k", DefaultTop),
            Share("threshold"));

        int Integer(string name, int fallback) => (string?)query[name] is not { } text ? fallback
            : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value >= 1 ? value
            : throw ServerErrors.Parameter(name, text, "a whole number, at least 1");

        float Share(string name) => (string?)query[name] is not { } text ? 0
            : float.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value) && value is >= 0 and <= 1 ? value
            : throw ServerErrors.Parameter(name, text, "a number from 0 to 1");
    }
}
