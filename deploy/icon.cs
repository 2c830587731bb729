#:project ../src/MlNetCifar/MlNetCifar.csproj
#:property RestorePackagesWithLockFile=false
#:property PublishAot=false

// Draws the packages' icon: dotnet run deploy/icon.cs -- icon.png
// A picture of eight by eight pixels, as a network sees it, and the part that it looks at.
using MlNetCifar;

const int side = 128;
const int pixel = side / 8;
var image = new RgbImage(side, side);
for (var y = 0; y < side; y++)
{
    for (var x = 0; x < side; x++)
    {
        var (column, row) = (x / pixel, y / pixel);
        var warmth = Math.Exp(-(Math.Pow(column - 4.5, 2) + Math.Pow(row - 3.5, 2)) / 5);
        var grain = 1 - (0.16 * ((column * 5 + row * 3) % 4) / 3);
        var edge = x % pixel == 0 || y % pixel == 0 ? 0.86 : 1;
        var framed = Framed(x, y);
        image.Row(y)[3 * x] = framed ? (byte)255 : Mix(32, 255, warmth, grain * edge);
        image.Row(y)[(3 * x) + 1] = framed ? (byte)255 : Mix(64, 176, warmth, grain * edge);
        image.Row(y)[(3 * x) + 2] = framed ? (byte)255 : Mix(150, 48, warmth, grain * edge);
    }
}

File.WriteAllBytes(args[0], image.ToPng());

static byte Mix(double cold, double warm, double warmth, double light) => (byte)Math.Round(light * (cold + (warmth * (warm - cold))));

static bool Framed(int x, int y)
{
    const int left = 3 * pixel;
    const int right = (7 * pixel) - 1;
    const int top = 2 * pixel;
    const int bottom = (6 * pixel) - 1;
    return x is >= left - 2 and <= right + 2 && y is >= top - 2 and <= bottom + 2 && !(x is > left + 1 and < right - 1 && y is > top + 1 and < bottom - 1);
}
