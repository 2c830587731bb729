namespace MlNetCifar.Spark.Connect;

/// <summary>
/// A row of a result: a long for each whole number, double, bool, string, byte array, or null. A decimal of at most 28 digits is a <see cref="decimal"/>, a longer one text; a date is
/// its days since 1970, a timestamp or interval its microseconds, or months. An array is an array of values, a struct a dictionary by name, a map one by key.
/// </summary>
public sealed class SparkRow
{
    readonly object?[] _values;
    readonly string[] _names;

    internal SparkRow(string[] names, object?[] values)
    {
        _names = names;
        _values = values;
    }

    /// <summary>Columns.</summary>
    public int Count => _values.Length;

    /// <summary>A value by position.</summary>
    /// <param name="index">0 … Count − 1.</param>
    public object? this[int index] => _values[index];

    /// <summary>A value by its column's name.</summary>
    /// <param name="name">As in the query.</param>
    /// <exception cref="ArgumentException">There is no such column.</exception>
    public object? this[string name] => Array.IndexOf(_names, name) is >= 0 and var i
        ? _values[i] : throw new ArgumentException($"There is no column '{name}', only {string.Join(", ", _names)}.", nameof(name));

    /// <summary>A text, or null.</summary>
    /// <param name="index">0 … Count − 1.</param>
    public string? Text(int index) => (string?)_values[index];

    /// <summary>A whole number.</summary>
    /// <param name="index">0 … Count − 1.</param>
    public long Number(int index) => (long)_values[index]!;
}
