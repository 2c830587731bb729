namespace MlNetCifar.Tuning;

/// <summary>The spaces that are built in: around each recipe, and what the network has of filters, dense units and dropout.</summary>
internal static class PresetSpaces
{
    public static IEnumerable<string> Of(string preset) => preset switch
    {
        "seed-cnn" or "cats-dogs-cnn" => ["learning-rate=1e-4..1e-2:log", "batch-size=16..128:log", "filters=16..64:log", "dense-units=64..512:log", "dropout=0.1..0.6"],
        "elephas-mlp" => ["learning-rate=1e-4..1e-2:log", "batch-size=16..128:log", "dense-units=64..1024:log", "dropout=0.1..0.6"],
        "advanced-cnn" => ["learning-rate=5e-4..2e-2:log", "batch-size=32..256:log", "weight-decay=1e-3..0.2:log", "filters=16..64:log", "dropout=0.1..0.6"],
        "resnet9" => ["learning-rate=0.05..2:log", "batch-size=64..1024:log", "weight-decay=1e-5..5e-3:log", "label-smoothing=0..0.3"],
        "airbench94" => ["learning-rate=0.06..1:log", "batch-size=256..4000:log", "muon-momentum=0.3..0.95", "label-smoothing=0..0.4"],
        "airbench96" => ["learning-rate=0.2..5:log", "batch-size=128..2048:log", "weight-decay=1e-4..1e-2:log", "label-smoothing=0..0.4", "cutout=0..16"],
        "resnet18" or "resnet34" => ["learning-rate=0.01..0.5:log", "batch-size=16..256:log", "weight-decay=1e-5..5e-3:log", "label-smoothing=0..0.3"],
        _ => throw Nn.NetworkErrors.UnknownPreset(preset, Architectures.Names),
    };
}
