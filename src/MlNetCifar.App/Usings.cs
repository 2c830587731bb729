global using MlNetCifar.Experiments;
global using static System.FormattableString;
