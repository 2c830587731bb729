#:property RestorePackagesWithLockFile=false
#:property PublishAot=false

// Makes the notebooks of the programs beside it, which are their source: dotnet run notebooks/make.cs [check] [FOLDER]
// A program's cells begin with "// %%" (code), "// %% [markdown]" (text) or "// %% types" (types, which C# wants last and a notebook first). A line "//> CODE" is code of the notebook alone.
// What cells have put out is kept where their code is as it was, without the paths of the machine. With "check" nothing is written; it fails where a notebook is not what would be.
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using System.Xml.Linq;

var check = args is ["check", ..];
var folder = Path.GetFullPath(args.Skip(check ? 1 : 0).FirstOrDefault() ?? AppContext.GetData("EntryPointFileDirectoryPath") as string ?? ".");
var root = Path.GetDirectoryName(folder)!;
var version = XDocument.Load(Path.Combine(root, "Directory.Build.props")).Descendants("Version").Single().Value;
var stale = 0;
foreach (var source in Directory.EnumerateFiles(folder, "*.cs").Order(StringComparer.Ordinal))
{
    var lines = File.ReadAllLines(source);
    if (!lines.Any(line => line.StartsWith("// %%", StringComparison.Ordinal)))
        continue;
    var path = Path.ChangeExtension(source, ".ipynb");
    var old = File.Exists(path) ? File.ReadAllText(path) : null;
    var made = Notebook(lines, old is null ? null : JsonNode.Parse(old)!.AsObject());
    if (made == old)
        continue;
    stale++;
    if (check)
        Console.Error.WriteLine($"{Path.GetFileName(path)} is not what {Path.GetFileName(source)} gives; write it anew: dotnet run notebooks/make.cs");
    else
        File.WriteAllText(path, made);
}

return check && stale > 0 ? 1 : 0;

string Notebook(string[] lines, JsonObject? old)
{
    var outputs = (old?["cells"]?.AsArray() ?? []).Where(cell => cell!["cell_type"]!.GetValue<string>() == "code")
        .GroupBy(cell => Text(cell!["source"]!)).ToDictionary(group => group.Key, group => group.First()!["outputs"]!.AsArray());
    var (cells, executed) = (new JsonArray(), 0);
    foreach (var (kind, text) in Cells(lines))
    {
        var cell = new JsonObject { ["cell_type"] = kind, ["id"] = $"cell-{cells.Count + 1}", ["metadata"] = new JsonObject(), ["source"] = Lines(text) };
        if (kind == "code")
        {
            var has = outputs.TryGetValue(text, out var kept);
            cell["execution_count"] = has ? ++executed : null;
            // What the first cell says is about the machine: which packages it has found where.
            cell["outputs"] = has && cells.Count > 1 ? Tidy(kept!) : [];
        }

        cells.Add((JsonNode)cell);
    }

    var notebook = new JsonObject
    {
        ["cells"] = cells,
        ["metadata"] = new JsonObject
        {
            ["kernelspec"] = new JsonObject { ["display_name"] = ".NET (C#)", ["language"] = "C#", ["name"] = ".net-csharp" },
            ["language_info"] = new JsonObject { ["file_extension"] = ".cs", ["mimetype"] = "text/x-csharp", ["name"] = "C#" },
        },
        ["nbformat"] = 4,
        ["nbformat_minor"] = 5,
    };
    return notebook.ToJsonString(new JsonSerializerOptions { WriteIndented = true, IndentSize = 1, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }) + "\n";
}

IEnumerable<(string Kind, string Text)> Cells(string[] lines)
{
    List<(string Kind, string Text)> cells = [];
    foreach (var part in string.Join('\n', lines).Split("\n// %%")[1..])
    {
        var (head, body) = part.IndexOf('\n') is var end && end >= 0 ? (part[..end].Trim(), part[(end + 1)..].Trim('\n')) : (part.Trim(), "");
        var cell = head == "[markdown]" ? ("markdown", Regex.Replace(body, "(?m)^// ?", "")) : ("code", Regex.Replace(body, "(?m)^( *)//> ", "$1"));
        // Behind the first cell of code, which has the using directives.
        if (head == "types")
            cells.Insert(cells.FindIndex(c => c.Kind == "code") + 1, cell);
        else
            cells.Add(cell);
    }

    var references = lines.TakeWhile(line => !line.StartsWith("// %%", StringComparison.Ordinal)).Select(Package).OfType<string>().Prepend($"MlNetCifar.Interactive,{version}");
    // A program of one file has these without saying so, a notebook has not.
    cells.Insert(1, ("code", string.Join('\n', [.. references.Select(package => $"#r \"nuget:{package}\""), "using System.IO;", "using System.Net.Http;", "using System.Threading;"])));
    return cells;
}

string? Package(string line) => Regex.Match(line, @"^#:project \S*/MlNetCifar\.(\w+)\.csproj$") is { Success: true } project ? $"MlNetCifar.{(project.Groups[1].Value == "MLNet" ? "ML" : project.Groups[1].Value)},{version}"
    : Regex.Match(line, @"^#:package (\S+)@(\S+)$") is { Success: true } package ? $"{package.Groups[1].Value},{package.Groups[2].Value}"
    : null;

JsonArray Tidy(JsonArray outputs)
{
    JsonArray kept = [];
    foreach (var output in outputs)
    {
        var copy = output!.DeepClone();
        // Its own script, with which a page looks for the kernel at all addresses of the machine.
        if (copy["data"]?["text/html"] is { } html && Text(html).Contains("probeAddresses", StringComparison.Ordinal))
            continue;
        copy.AsObject().Remove("execution_count");
        if (copy["output_type"]!.GetValue<string>() == "execute_result")
            copy["execution_count"] = null;
        if (copy["text"] is { } text)
            copy["text"] = Lines(Relative(Text(text)));
        foreach (var (kind, data) in copy["data"]?.AsObject().ToArray() ?? [])
            copy["data"]![kind] = Lines(Relative(Text(data!)));

        // Lines that were written one by one are one text.
        if (copy["name"] is { } name && kept.LastOrDefault() is { } last && last["name"]?.GetValue<string>() == name.GetValue<string>())
            last["text"] = Lines(Text(last["text"]!) + Text(copy["text"]!));
        else
            kept.Add(copy);
    }

    return kept;
}

string Relative(string text) => text.Replace(root + Path.DirectorySeparatorChar, "", StringComparison.Ordinal);

static string Text(JsonNode node) => node is JsonArray lines ? string.Concat(lines.Select(line => line!.GetValue<string>())) : node.GetValue<string>();

static JsonArray Lines(string text)
{
    JsonArray lines = [];
    var line = new StringBuilder();
    foreach (var letter in text.ReplaceLineEndings("\n"))
    {
        line.Append(letter);
        if (letter != '\n')
            continue;
        lines.Add((JsonNode)line.ToString());
        line.Clear();
    }

    if (line.Length > 0)
        lines.Add((JsonNode)line.ToString());
    return lines;
}
