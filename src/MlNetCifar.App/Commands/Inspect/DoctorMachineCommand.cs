using MlNetCifar.App.Cli;
using MlNetCifar.App.Runs;
using Spectre.Console;

namespace MlNetCifar.App.Commands.Inspect;

/// <summary>Examines the machine.</summary>
internal sealed class DoctorMachineCommand() : Verb("machine", "Show what this program sees of the machine: vector width, cores, memory, runtime.")
{
    protected override IEnumerable<OptionDescription> OwnOptions => [];

    public override int Run(Call call)
    {
        var machine = new MachineInfo();
        if (call.Json)
        {
            JsonLine.Write(call.Terminal.Out, json =>
            {
                foreach (var (key, _, value, _) in machine.Rows())
                    OptionFile.WriteValue(json, key, value);
            });
            return ExitCodes.Ok;
        }

        var table = new Table().Border(TableBorder.Simple).HideHeaders().AddColumns("", "");
        foreach (var (_, name, _, text) in machine.Rows())
            table.AddRow(Markup.Escape(name), Markup.Escape(text));
        call.Terminal.Tables.Write(table);
        foreach (var advice in machine.Advice())
            call.Terminal.Warn(advice);
        return ExitCodes.Ok;
    }
}
