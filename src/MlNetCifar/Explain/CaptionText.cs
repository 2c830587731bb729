using System.Globalization;

namespace MlNetCifar.Explain;

/// <summary>Text on pictures, in letters of 5×7 dots: no font need be on the machine, and the result is the same everywhere.</summary>
internal static class CaptionText
{
    const int Columns = 5;
    const int Rows = 7;
    const char First = ' ';

    /// <summary>Dots from one letter to the next.</summary>
    const int Advance = Columns + 1;

    /// <summary>Dots from one line to the next.</summary>
    public const int LineHeight = Rows + 4;

    const string Cut = "...";

    /// <summary>From the blank to the tilde, then the box that stands for all others: seven rows of two hexadecimal digits a letter, the left dot being the highest of five bits.</summary>
    static string Letters =>
        "00000000000000040404040400040A0A0A000000000A0A1F0A1F0A0A040F140E051E04181902040813030C12140815120D04040800000000"
        + "02040808080402080402020204080004150E1504000004041F040400000000000C04080000001F00000000000000000C0C00010204081000"
        + "0E11131519110E040C040404040E0E11010204081F1F02040201110E02060A121F02021F101E0101110E0608101E11110E1F010204080808"
        + "0E11110E11110E0E11110F01020C000C0C000C0C00000C0C000C04080204081008040200001F001F0000080402010204080E110102040004"
        + "0E11010D15150E0E1111111F11111E11111E11111E0E11101010110E1C12111111121C1F10101E10101F1F10101E1010100E11101711110F"
        + "1111111F1111110E04040404040E0702020202120C111214181412111010101010101F111B1515111111111119151311110E11111111110E"
        + "1E11111E1010100E11111115120D1E11111E1412110F10100E01011E1F0404040404041111111111110E11111111110A041111111515150A"
        + "11110A040A11111111110A0404041F01020408101F0E08080808080E001008040201000E02020202020E040A11000000000000000000001F"
        + "0804020000000000000E010F110F1010161911111E00000E1010110E01010D1311110F00000E111F100E0609081C080808000F11110F010E"
        + "1010161911111104000C0404040E0200060202120C101012141814120C04040404040E00001A151511110000161911111100000E1111110E"
        + "00001E111E101000000D130F01010000161910101000000E100E011E08081C080809060000111111130D00001111110A040000111115150A"
        + "0000110A040A11000011110F010E00001F0204081F020404080404020404040404040408040402040408000008150200001F11111111111F";

    const string Unaccented = "AAAAAAACEEEEIIIIDNOOOOOxOUUUUYPsaaaaaaaceeeeiiiidnooooo/ouuuuypy";

    /// <summary>Letters that fit.</summary>
    /// <param name="width">Pixels.</param>
    /// <param name="scale">Pixels of a dot's side.</param>
    public static int Fitting(int width, int scale) => Math.Max(0, (width + scale) / (Advance * scale));

    /// <summary>Text of at most so many letters; what is too long loses its middle, for both ends of a path tell something.</summary>
    public static string Shortened(string text, int most)
    {
        text = Plain(text);
        if (text.Length <= most)
            return text;
        if (most <= Cut.Length)
            return text[..most];
        var (kept, head) = (most - Cut.Length, (most - Cut.Length) / 3);
        return text[..head] + Cut + text[^(kept - head)..];
    }

    /// <summary>Draws one line.</summary>
    /// <param name="target">Drawn on; what leaves it is cut.</param>
    /// <param name="text">The text; letters that are not ASCII are boxes.</param>
    /// <param name="left">First column.</param>
    /// <param name="top">First row.</param>
    /// <param name="scale">Pixels of a dot's side.</param>
    /// <param name="shade">Grey of the dots.</param>
    public static void Draw(RgbImage target, string text, int left, int top, int scale, byte shade)
    {
        for (var i = 0; i < text.Length; i++)
        {
            for (var dot = 0; dot < Rows * Columns; dot++)
            {
                var (y, x) = Math.DivRem(dot, Columns);
                if (IsSet(text[i], y, x))
                    Fill(target, left + (((i * Advance) + x) * scale), top + (y * scale), scale, shade);
            }
        }
    }

    static bool IsSet(char letter, int row, int column)
    {
        var count = Letters.Length / (2 * Rows);
        var index = letter - First is var at && at >= 0 && at < count - 1 ? at : count - 1;
        var bits = byte.Parse(Letters.AsSpan(2 * ((index * Rows) + row), 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        return (bits >> (Columns - 1 - column) & 1) == 1;
    }

    static void Fill(RgbImage target, int left, int top, int side, byte shade)
    {
        for (var y = top; y < Math.Min(top + side, target.Height); y++)
        {
            for (var x = left; x < Math.Min(left + side, target.Width); x++)
                target.Row(y).Slice(3 * x, 3).Fill(shade);
        }
    }

    /// <summary>Letters of Western Europe without their accents. (Taking letters apart by Unicode's rules is not there in a program without cultures.)</summary>
    static string Plain(string text) => string.Concat(text.Select(c => c is >= 'À' and <= 'ÿ' ? Unaccented[c - 'À'] : c));
}
