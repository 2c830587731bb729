using System.Runtime.InteropServices;
using System.Text;

namespace MlNetCifar.Evaluation;

/// <summary>
/// The bytes of an <see cref="EvaluationAccumulator"/> on its way from a worker to the driver: little-endian, magic and version first.
/// Counts and fixed-point sums travel as integers, so nothing is rounded.
/// </summary>
internal static class AccumulatorFormat
{
    const uint Magic = 0x32414E4D;
    const int MaxClasses = 1 << 20;

    public static void Write(Stream stream, EvaluationAccumulator accumulator)
    {
        using var writer = new BinaryWriter(stream, Encoding.UTF8, leaveOpen: true);
        writer.Write(Magic);
        WriteOptions(writer, accumulator.Options);
        writer.Write(accumulator.Classes.Count);
        foreach (var name in accumulator.Classes)
            writer.Write(name);
        WriteTallies(writer, accumulator.Tallies);
        if (accumulator.Rows is { } rows)
        {
            writer.Write(rows.Count);
            writer.Write(rows.Width);
            writer.Write(MemoryMarshal.AsBytes(rows.Labels));
            writer.Write(MemoryMarshal.AsBytes(rows.Scores));
        }
    }

    public static EvaluationAccumulator Read(Stream stream)
    {
        using var reader = new BinaryReader(stream, Encoding.UTF8, leaveOpen: true);
        try
        {
            if (reader.ReadUInt32() != Magic)
                throw EvaluationErrors.ForeignAccumulator();
            var options = ReadOptions(reader);
            var classes = new string[Bounded(reader.ReadInt32(), MaxClasses)];
            for (var i = 0; i < classes.Length; i++)
                classes[i] = reader.ReadString();
            var accumulator = new EvaluationAccumulator(classes, options);
            ReadTallies(reader, accumulator.Tallies);
            if (accumulator.Rows is { } rows)
                ReadRows(reader, rows);
            return accumulator;
        }
        catch (Exception e) when (e is EndOfStreamException or ArgumentException or OverflowException)
        {
            throw EvaluationErrors.ForeignAccumulator(e);
        }
    }

    static void WriteOptions(BinaryWriter writer, EvaluationOptions options)
    {
        writer.Write(options.TopKPredictionCount);
        writer.Write(options.CalibrationBins);
        writer.Write(options.PositiveClass);
        writer.Write(options.KeepRows);
        writer.Write((int)options.NonFiniteScores);
        writer.Write(options.ConfidenceLevel);
        writer.Write(options.BootstrapResamples);
        writer.Write(options.Seed);
    }

    static EvaluationOptions ReadOptions(BinaryReader reader) => new()
    {
        TopKPredictionCount = reader.ReadInt32(),
        CalibrationBins = reader.ReadInt32(),
        PositiveClass = reader.ReadInt32(),
        KeepRows = reader.ReadBoolean(),
        NonFiniteScores = (NonFiniteScores)reader.ReadInt32(),
        ConfidenceLevel = reader.ReadDouble(),
        BootstrapResamples = reader.ReadInt32(),
        Seed = reader.ReadUInt64(),
    };

    static void WriteTallies(BinaryWriter writer, Tallies tallies)
    {
        writer.Write(tallies.Count);
        writer.Write(tallies.Excluded);
        foreach (var counts in tallies.Counters)
            foreach (var count in counts)
                writer.Write(count);
        foreach (var sums in tallies.Sums)
            foreach (var sum in sums)
            {
                writer.Write(sum.High);
                writer.Write(sum.Low);
            }
    }

    static void ReadTallies(BinaryReader reader, Tallies tallies)
    {
        tallies.Count = reader.ReadInt64();
        tallies.Excluded = reader.ReadInt64();
        foreach (var counts in tallies.Counters)
            foreach (ref var count in counts.AsSpan())
                count = reader.ReadInt64();
        foreach (var sums in tallies.Sums)
            foreach (ref var sum in sums.AsSpan())
                sum = FixedSum.From(reader.ReadInt64(), reader.ReadUInt64());
    }

    static void ReadRows(BinaryReader reader, ScoredRows rows)
    {
        var count = reader.ReadInt32();
        var width = reader.ReadInt32();
        if (count == 0)
            return;
        var labels = new int[Bounded(count, Array.MaxLength)];
        var scores = new float[Bounded((long)count * width, Array.MaxLength)];
        reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(labels.AsSpan()));
        reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(scores.AsSpan()));
        rows.Add(labels, scores, width);
    }

    static int Bounded(long length, int limit) =>
        length >= 0 && length <= limit ? (int)length : throw new OverflowException($"Length {length} is outside 0 … {limit}.");
}
