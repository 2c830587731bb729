using System.Globalization;

namespace MlNetCifar.Reporting;

/// <summary>Maps values to pixels along one side of a plot, with round ticks.</summary>
internal readonly record struct Axis(double Low, double High, double Start, double End)
{
    public double At(double value) => Start + ((value - Low) / (High - Low) * (End - Start));

    /// <summary>An axis that covers the values with a little air.</summary>
    public static (double Low, double High) Cover(IEnumerable<double> values)
    {
        var (low, high) = (double.PositiveInfinity, double.NegativeInfinity);
        foreach (var value in values)
            if (double.IsFinite(value))
                (low, high) = (Math.Min(low, value), Math.Max(high, value));
        if (low > high)
            return (0, 1);
        var air = high > low ? 0.05 * (high - low) : Math.Max(1e-6, 0.1 * Math.Abs(high));
        return (low - air, high + air);
    }

    /// <summary>About as many round values as asked for, inside the axis.</summary>
    public IEnumerable<double> Ticks(int about)
    {
        var raw = (High - Low) / Math.Max(1, about);
        var power = Math.Pow(10, Math.Floor(Math.Log10(raw)));
        var step = (raw / power) switch { < 1.5 => 1, < 3 => 2, < 7 => 5, _ => 10 } * power;
        for (var i = (long)Math.Ceiling((Low / step) - 1e-9); i * step <= High + (1e-9 * step); i++)
            yield return i * step;
    }

    /// <summary>A tick's text: as few digits as tell neighbours apart.</summary>
    public string Format(double value, bool percent) => percent
        ? (100 * value).ToString(High - Low < 0.045 ? "0.0" : "0", CultureInfo.InvariantCulture) + " %"
        : Math.Abs(value) >= 1e5 || (value != 0 && Math.Abs(value) < 1e-3)
            ? value.ToString("0.#e0", CultureInfo.InvariantCulture)
            : value.ToString("0.####", CultureInfo.InvariantCulture);
}
