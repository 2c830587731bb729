using MlNetCifar.App.Cli;
using MlNetCifar.App.Runs;
using MlNetCifar.Data.Known;

namespace MlNetCifar.App.Commands.Datasets;

/// <summary>Unpacks an archive.</summary>
internal sealed class DatasetImportCommand() : Verb("import", "Unpack an archive, or copy a folder; nothing is written outside the target.")
{
    public override string Arguments => "SOURCE FOLDER";

    public override string ArgumentsHelp => "A .tar.gz, .tgz, .tar or .zip archive or a folder, and where its files go";

    public override (int Least, int Most) ArgumentCount => (2, 2);

    protected override IEnumerable<Setting> OwnSettings => [];

    public override int Run(Call call)
    {
        var files = Bars.Run(call.Terminal, "importing", advance => DatasetImporter.Import(call.Arguments[0], call.Arguments[1], new LoadReport(p =>
            advance((double)p.Done / Math.Max(p.Total, 1), Texts.Invariant($"importing {p.Done:N0}/{p.Total:N0} files"))), call.Stop));
        if (call.Json)
            JsonLine.Write(call.Terminal.Out, json =>
            {
                json.WriteString("folder", call.Arguments[1]);
                json.WriteNumber("files", files);
            });
        else
            call.Terminal.Out.WriteLine(Texts.Invariant($"{files:N0} files in {call.Arguments[1]}"));
        return ExitCodes.Ok;
    }
}
