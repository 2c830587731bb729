using System.Text.Json;
using MlNetCifar.App.Cli;
using MlNetCifar.App.Runs.Saving;

namespace MlNetCifar.App.Runs;

/// <summary>What a run writes about itself.</summary>
internal static class RunRecord
{
    static readonly JsonWriterOptions s_indented = new() { Indented = true, NewLine = "\n", Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes args.json: all settings as they were in the end. The file can be given back with --config.</summary>
    public static void Arguments(RunFolder folder, string verb, SettingValues values, TrainingOptions? options = null) =>
        Write(folder, "args.json", json =>
        {
            json.WriteString(ConfigFile.Verb, verb);
            json.WriteString(ConfigFile.Version, CommandLine.Version);
            foreach (var setting in values.Settings)
            {
                if (setting == SettingValues.Config || setting == SavingSettings.Resume || setting == Verb.Json || setting == Verb.Verbose)
                    continue;

                // Given back, a default would ask arrays and shards for another size than theirs.
                if (DataSettings.Making.Contains(setting) && !DataSettings.Making.Any(values.IsGiven))
                {
                    json.WriteNull(setting.Name);
                    continue;
                }

                var training = options is null ? null : TrainingSettings.All.FirstOrDefault(t => t.Setting == setting);
                Setting.WriteValue(json, setting.Name, training is null ? values.Given(setting) ?? setting.Default : training.Read(options!));
            }
        });

    /// <summary>Writes env.json: machine and software.</summary>
    public static void Machine(RunFolder folder, MachineInfo machine) => Write(folder, "env.json", json =>
    {
        foreach (var (key, _, value, _) in machine.Rows())
            Setting.WriteValue(json, key, value);
    });

    /// <summary>Settings as a report shows them: those of training that differ from the defaults come from here too.</summary>
    public static IReadOnlyList<KeyValuePair<string, string>> Pairs(TrainingOptions options) =>
        [.. TrainingSettings.All.Select(t => new KeyValuePair<string, string>(t.Setting.Name, Texts.Of(t.Read(options))))];

    static void Write(RunFolder folder, string name, Action<Utf8JsonWriter> members) => folder.WriteBytes(name, stream =>
    {
        using (var json = new Utf8JsonWriter(stream, s_indented))
        {
            json.WriteStartObject();
            members(json);
            json.WriteEndObject();
        }

        stream.WriteByte((byte)'\n');
    });
}
