namespace MlNetCifar.Pretrained;

internal static class Placeholder;
