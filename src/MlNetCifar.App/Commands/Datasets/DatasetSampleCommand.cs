using MlNetCifar.App.Cli;
using MlNetCifar.App.Runs;
using MlNetCifar.Data;

namespace MlNetCifar.App.Commands.Datasets;

/// <summary>Draws a small data set from a large one.</summary>
internal sealed class DatasetSampleCommand() : Verb("sample", "Draw a small balanced data set from a large one, files unchanged.")
{
    static readonly OptionDescription<int> s_train = OptionDescription.Of("train-per-class", "N", "Training images of each class", OptionText.Positive, 800);
    static readonly OptionDescription<int> s_test = OptionDescription.Of("test-per-class", "N", "Test images of each class", OptionText.Positive, 200);

    public override string Arguments => "SOURCE ARCHIVE";

    public override string ArgumentsHelp => "A folder or archive with train and test, and the .tar.gz to write";

    public override (int Least, int Most) ArgumentCount => (2, 2);

    protected override IEnumerable<OptionDescription> OwnOptions => [s_train, s_test, TrainingTable.Seed];

    public override int Run(Call call)
    {
        var drawn = DatasetSampler.Write(call.Arguments[0], call.Arguments[1], call.Get(s_train), call.Get(s_test), call.Get(TrainingTable.Seed), call.Stop);
        if (call.Json)
            JsonLine.Write(call.Terminal.Out, json =>
            {
                json.WriteString("archive", call.Arguments[1]);
                json.WriteNumber("images", drawn);
            });
        else
            call.Terminal.Out.WriteLine(Invariant($"{drawn:N0} images in {call.Arguments[1]}"));
        return ExitCodes.Ok;
    }
}
