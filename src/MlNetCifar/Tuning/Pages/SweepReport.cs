using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using MlNetCifar.Experiments;
using MlNetCifar.Files;

namespace MlNetCifar.Tuning;

/// <summary>The files about a sweep: trials.csv, trials.json, tune.html.</summary>
/// <param name="folder">Where to.</param>
/// <param name="space">What was searched.</param>
/// <param name="results">In the order of trials.</param>
/// <param name="command">Repeats a trial.</param>
internal sealed class SweepReport(RunFolder folder, SearchSpace space, IReadOnlyList<TrialResult> results, TrialCommand command)
{
    public const string PageName = "tune.html";

    static readonly JsonWriterOptions s_indented = new() { Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public required string Title { get; init; }

    public required SweepOptions Options { get; init; }

    public required int ValidationImages { get; init; }

    /// <summary>The command that trains a trial's model again.</summary>
    public string CommandOf(TrialResult result) => command.With(result.TrialSettings.Parameters);

    /// <summary>Writes the trials as CSV and as JSON.</summary>
    public void WriteTables()
    {
        folder.Write("trials.csv", writer =>
        {
            var front = Front;
            Csv.Row(writer,
            [
                "trial", "state", "accuracy", "loss", "steps", "seconds", .. Options.AsksForCost ? (string[])["parameters", "milliseconds", "memory"] : [], .. front is null ? [] : (string[])["front"],
                .. space.Parameters.Select(p => Csv.Text(p.Name)), "error",
            ]);
            foreach (var result in results)
                Csv.Row(writer,
                [
                    Csv.Number(result.TrialSettings.TrialId), OptionText.Of(result.State), Csv.Number(result.Metric), Csv.Number(result.Loss), Csv.Number(result.Curve.Length),
                    Csv.Number(Math.Round(result.DurationInMilliseconds / 1000, 3)), .. Costs(result), .. front is null ? [] : (string[])[front.Contains(result) ? "true" : "false"],
                    .. result.TrialSettings.Parameters.Select(p => Csv.Text(p.Value)), Csv.Text(result.Error ?? ""),
                ]);
        });
        folder.WriteBytes("trials.json", WriteJson);
    }

    /// <summary>The trials that no other beats in both objectives; null where there is one objective.</summary>
    IReadOnlyList<TrialResult>? Front => Options.SecondObjective == CostKind.None ? null : ParetoFront.Of(results, Options.SecondObjective);

    IEnumerable<string> Costs(TrialResult result) => !Options.AsksForCost ? []
        : result.Cost is { } cost ? [Csv.Number(cost.Parameters), Csv.Number(Math.Round(cost.Milliseconds, 4)), Csv.Number(cost.Memory)] : ["", "", ""];

    /// <summary>Writes the page.</summary>
    public void WritePage(TrialResult best, SelectionBias? bias, FinalFigures? finals, IReadOnlyList<string> words) => folder.Write(PageName, writer => writer.Write(new SweepPage
    {
        Title = Title, Space = space, Results = results, Best = best, Bias = bias, Finals = finals, Words = words, Command = CommandOf(best), Options = Options, ValidationImages = ValidationImages,
    }.Build()));

    void WriteJson(Stream stream)
    {
        using (var json = new Utf8JsonWriter(stream, s_indented))
        {
            json.WriteStartObject();
            json.WriteString("program_version", FileOrigin.Current);
            json.WriteString("space", space.ToString());
            json.WriteString("tuner", OptionText.Of(Options.Tuner));
            json.WriteString("pruning", OptionText.Of(Options.Pruning));
            json.WriteNumber("validation_images", ValidationImages);
            json.WriteStartArray("trials");
            foreach (var result in results)
                Write(json, result);
            json.WriteEndArray();
            if (Front is { } front)
            {
                json.WriteString("second_objective", OptionText.Of(Options.SecondObjective));
                json.WriteStartArray("front");
                foreach (var result in front)
                    json.WriteNumberValue(result.TrialSettings.TrialId);
                json.WriteEndArray();
            }

            json.WriteEndObject();
        }

        stream.Write("\n"u8);
    }

    void Write(Utf8JsonWriter json, TrialResult result)
    {
        json.WriteStartObject();
        json.WriteNumber("trial", result.TrialSettings.TrialId);
        json.WriteString("state", OptionText.Of(result.State));
        Number(json, "accuracy", result.Metric);
        Number(json, "loss", result.Loss);
        json.WriteNumber("seconds", Math.Round(result.DurationInMilliseconds / 1000, 3));
        json.WriteStartObject("parameters");
        foreach (var (name, value) in result.TrialSettings.Parameters)
            json.WriteString(name, value);
        json.WriteEndObject();
        json.WriteStartArray("curve");
        foreach (var metric in result.Curve)
            json.WriteNumberValue(metric);
        json.WriteEndArray();
        if (result.Cost is { } cost)
        {
            json.WriteStartObject("cost");
            json.WriteNumber("parameters", cost.Parameters);
            json.WriteNumber("milliseconds", Math.Round(cost.Milliseconds, 4));
            json.WriteNumber("memory", cost.Memory);
            json.WriteEndObject();
        }

        if (result.Error is not null)
            json.WriteString("error", result.Error);
        json.WriteString("command", CommandOf(result));
        json.WriteEndObject();
    }

    static void Number(Utf8JsonWriter json, string name, double value)
    {
        if (double.IsFinite(value))
            json.WriteNumber(name, value);
        else
            json.WriteNull(name);
    }
}

/// <summary>The page about a sweep.</summary>
internal sealed class SweepPage
{
    public required string Title { get; init; }

    public required SearchSpace Space { get; init; }

    public required IReadOnlyList<TrialResult> Results { get; init; }

    public required TrialResult Best { get; init; }

    public required SelectionBias? Bias { get; init; }

    public required FinalFigures? Finals { get; init; }

    public required IReadOnlyList<string> Words { get; init; }

    public required string Command { get; init; }

    public required SweepOptions Options { get; init; }

    public required int ValidationImages { get; init; }

    public string Build()
    {
        var html = new StringBuilder();
        Reporting.PageFrame.Head(html, $"Sweep: {Title}", Invariant($"{Results.Count:N0} trials by {OptionText.Of(Options.Tuner)}, pruning {OptionText.Of(Options.Pruning)}, ranked on {ValidationImages:N0} validation images"));
        Verdict(html);
        Figures(html);
        Front(html);
        Slices(html);
        Next(html);
        Table(html);
        Reporting.PageFrame.Foot(html);
        return html.ToString();
    }

    void Verdict(StringBuilder html)
    {
        Reporting.Markup.Section(html, "verdict", "What was found, and how much of it is luck");
        foreach (var sentence in Words)
            html.Append($"<p>{Text(sentence)}</p>\n");
        html.Append("<div class=\"scroll\"><table><thead><tr><th>Parameter</th><th>Best</th></tr></thead><tbody>\n");
        foreach (var (name, value) in Best.TrialSettings.Parameters)
            html.Append($"<tr><td>{Text(name)}</td><td>{Text(value)}</td></tr>\n");
        html.Append($"</tbody></table></div>\n<p class=\"lead\">The command that trains trial {Best.TrialSettings.TrialId} again:</p>\n<pre style=\"overflow-x:auto\"><code>{Text(Command)}</code></pre>\n</section>\n");
    }

    void Figures(StringBuilder html)
    {
        var shares = ParameterImportance.Of(Space, Results, 0);
        Reporting.Markup.Section(html, "progress", "Progress and parameters");
        html.Append("<div class=\"two\">\n");
        Reporting.Markup.Figure(html, SweepPlots.Progress(Results));
        if (shares is not null)
            Reporting.Markup.Figure(html, SweepPlots.Importance(Space, shares));
        else
            html.Append("<p class=\"lead\">Importance is told from eight trials on that ran to their end.</p>\n");
        html.Append("</div>\n");
        Reporting.Markup.Figure(html, SweepPlots.Parallel(Space, Results, Best));
        html.Append("</section>\n");
    }

    void Front(StringBuilder html)
    {
        if (Options.SecondObjective == CostKind.None || ParetoFront.Of(Results, Options.SecondObjective) is not { Count: > 0 } front)
            return;
        Reporting.Markup.Section(html, "front", "Accuracy and cost", "The trials that no other beats in both; the rest of the choice is yours.");
        html.Append("<div class=\"two\">\n");
        Reporting.Markup.Figure(html, SweepPlots.Front(Results, front, Options.SecondObjective));
        html.Append("<div class=\"scroll\"><table><thead><tr><th>Trial</th><th>Accuracy</th><th>Parameters</th><th>Milliseconds a picture</th><th>Memory</th></tr></thead><tbody>\n");
        foreach (var result in front)
            html.Append(Invariant($"<tr><td>{result.TrialSettings.TrialId}</td><td>{Reporting.Markup.Percent(result.Metric, "0.00")}</td><td>{result.Cost!.Parameters:N0}</td><td>{result.Cost.Milliseconds:0.000}</td><td>{OptionText.OfBytes(result.Cost.Memory)}</td></tr>\n"));
        html.Append("</tbody></table></div>\n</div>\n</section>\n");
    }

    void Slices(StringBuilder html)
    {
        Reporting.Markup.Section(html, "slices", "Slices", "Every trial over one parameter at a time; grey ones were ended early.");
        html.Append("<div class=\"two\">\n");
        for (var d = 0; d < Space.Parameters.Length; d++)
            Reporting.Markup.Figure(html, SweepPlots.Slice(Space, d, Results));
        html.Append("</div>\n</section>\n");
    }

    void Next(StringBuilder html)
    {
        if (SweepAdvice.Of(Space, Results, Best, Finals) is not { Count: > 0 } steps)
            return;
        Reporting.Markup.Section(html, "next", "What to try next");
        html.Append("<ul class=\"next\">\n");
        foreach (var step in steps)
            html.Append($"<li>{Text(step)}</li>\n");
        html.Append("</ul>\n</section>\n");
    }

    void Table(StringBuilder html)
    {
        Reporting.Markup.Section(html, "trials", "Trials");
        html.Append("<div class=\"scroll stick\"><table class=\"sortable\"><thead><tr><th>Trial</th><th>Accuracy</th><th>Epochs</th><th>Seconds</th>");
        foreach (var parameter in Space.Parameters)
            html.Append($"<th>{Text(parameter.Name)}</th>");
        html.Append("<th class=\"l\">Ended</th></tr></thead>\n<tbody>\n");
        foreach (var result in Results)
        {
            html.Append(Invariant($"<tr><td data-v=\"{result.TrialSettings.TrialId}\">{result.TrialSettings.TrialId}</td>"));
            html.Append(Cell(result.Metric, Reporting.Markup.Percent(result.Metric, "0.00"), result == Best ? " class=\"ok\"" : ""));
            html.Append(Cell(result.Curve.Length, Reporting.Markup.Count(result.Curve.Length))).Append(Cell(result.DurationInMilliseconds, Reporting.Markup.Number(result.DurationInMilliseconds / 1000, "0.0")));
            foreach (var (parameter, value) in Space.Parameters.Zip(result.TrialSettings.Parameters, (p, v) => (p, v.Value)))
                html.Append(Cell(parameter.UnitOf(value), Text(value)));
            html.Append($"<td class=\"l\">{Text(result.Error ?? (result.State == TrialState.Pruned ? "early" : ""))}</td></tr>\n");
        }

        html.Append("</tbody></table></div>\n</section>\n");
    }

    static string Cell(double value, string text, string css = "") => Invariant($"<td data-v=\"{(double.IsFinite(value) ? value : -1):R}\"{css}>{text}</td>");

    static string Text(string text) => Reporting.Markup.Text(text);

    static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
