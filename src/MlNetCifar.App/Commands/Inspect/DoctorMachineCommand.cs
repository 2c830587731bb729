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
            JsonLine.Write(call.Terminal.Out, machine.WriteJson);
            return ExitCodes.Ok;
        }

        var table = new Table().Border(TableBorder.Simple).HideHeaders().AddColumns("", "");
        foreach (var (name, text) in machine.Describe())
            table.AddRow(Markup.Escape(name), Markup.Escape(text));
        call.Terminal.Tables.Write(table);
        foreach (var advice in machine.Advice())
            call.Terminal.Warn(advice);
        return ExitCodes.Ok;
    }
}
