using System.Text;

namespace MlNetCifar.Files;

/// <summary>Reads comma-separated values after RFC 4180, line by line.</summary>
/// <param name="reader">Not closed.</param>
public sealed class CsvReader(TextReader reader)
{
    readonly StringBuilder _cell = new();

    /// <summary>The next row's cells; null at the end.</summary>
    /// <exception cref="IOException">The text cannot be read.</exception>
    public List<string>? Read()
    {
        if (reader.Peek() < 0)
            return null;
        List<string> cells = [];
        while (ReadCell(cells))
        {
        }

        return cells;
    }

    /// <summary>Reads one cell; false when it was the last of its row.</summary>
    bool ReadCell(List<string> cells)
    {
        _cell.Clear();
        var quoted = false;
        while (true)
        {
            var next = reader.Read();
            if (quoted && next == '"' && reader.Peek() == '"')
                _cell.Append((char)reader.Read());
            else if (next == '"' && (quoted || _cell.Length == 0))
                quoted = !quoted;
            else if (next < 0 || (!quoted && next is ',' or '\n'))
            {
                if (next == '\n' && _cell.Length > 0 && _cell[^1] == '\r')
                    _cell.Length--;
                cells.Add(_cell.ToString());
                return next == ',';
            }
            else
                _cell.Append((char)next);
        }
    }
}
