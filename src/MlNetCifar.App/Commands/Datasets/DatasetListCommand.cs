using MlNetCifar.App.Cli;
using MlNetCifar.App.Runs;
using MlNetCifar.Data;
using Spectre.Console;

namespace MlNetCifar.App.Commands.Datasets;

/// <summary>Lists the data sets that can be downloaded.</summary>
internal sealed class DatasetListCommand() : Verb("list", "List the data sets that 'dataset get' knows.")
{
    protected override IEnumerable<OptionDescription> OwnOptions => [];

    public override int Run(Call call)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("Name", "What it is", "Size", "From");
        foreach (var set in KnownDataset.All)
        {
            table.AddRow(set.Name, set.Description, set.Length == 0 ? "" : OptionText.OfBytes(set.Length), set.Address.ToString());
            if (call.Json)
                JsonLine.Write(call.Terminal.Out, json =>
                {
                    json.WriteString("name", set.Name);
                    json.WriteString("description", set.Description);
                    json.WriteString("address", set.Address.ToString());
                    json.WriteString("md5", set.Md5);
                });
        }

        if (!call.Json)
            call.Terminal.Tables.Write(table);
        return ExitCodes.Ok;
    }
}
