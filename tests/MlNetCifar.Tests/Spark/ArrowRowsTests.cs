using Apache.Arrow;
using Apache.Arrow.Compression;
using Apache.Arrow.Ipc;
using Apache.Arrow.Types;
using MlNetCifar.Spark.Connect;

namespace MlNetCifar.Tests.Spark;

/// <summary>Results as Spark sends them, made by the library's own writer.</summary>
[TestClass]
public sealed class ArrowRowsTests
{
    static byte[] Stream(RecordBatch batch, CompressionCodecType? compression = null)
    {
        using var stream = new MemoryStream();
        var options = new IpcOptions { CompressionCodec = compression, CompressionCodecFactory = compression is null ? null : new CompressionCodecFactory() };
        using (var writer = new ArrowStreamWriter(stream, batch.Schema, leaveOpen: true, options))
        {
            writer.WriteRecordBatch(batch);
            writer.WriteEnd();
        }

        return stream.ToArray();
    }

    static RecordBatch Batch(params (string Name, IArrowArray Values)[] columns) =>
        new(new Schema(columns.Select(c => new Field(c.Name, c.Values.Data.DataType, true)), null), columns.Select(c => c.Values), columns[0].Values.Length);

    static RecordBatch Plain() => Batch(
        ("byte", new Int8Array.Builder().Append(-1).AppendNull().Build()), ("long", new Int64Array.Builder().Append(long.MaxValue).Append(2).Build()),
        ("float", new FloatArray.Builder().Append(1.5f).AppendNull().Build()), ("bool", new BooleanArray.Builder().Append(true).Append(false).Build()),
        ("text", new StringArray.Builder().Append("für").Append("").Build()), ("bytes", new BinaryArray.Builder().Append([1, 2]).AppendNull().Build()),
        ("date", new Date32Array.Builder().Append(new DateTime(1970, 1, 3)).AppendNull().Build()));

    [TestMethod]
    [DataRow(null)]
    [DataRow(CompressionCodecType.Zstd)]
    [DataRow(CompressionCodecType.Lz4Frame)]
    public void Rows_OfFlatColumns_PlainAndCompressed(CompressionCodecType? compression)
    {
        SparkRow[] rows = [.. ArrowRows.Read(Stream(Plain(), compression))];
        Assert.HasCount(2, rows);
        CollectionAssert.AreEqual(new object?[] { -1L, long.MaxValue, 1.5, true, "für" }, Enumerable.Range(0, 5).Select(i => rows[0][i]).ToArray());
        CollectionAssert.AreEqual(new byte[] { 1, 2 }, (byte[])rows[0]["bytes"]!);
        Assert.AreEqual(2L, rows[0]["date"]);
        CollectionAssert.AreEqual(new object?[] { null, 2L, null, false, "", null, null }, Enumerable.Range(0, 7).Select(i => rows[1][i]).ToArray());
    }

    [TestMethod]
    public void Rows_OfNestedColumns()
    {
        var lists = new ListArray.Builder(Int32Type.Default);
        var numbers = (Int32Array.Builder)lists.ValueBuilder;
        lists.Append();
        numbers.Append(1).AppendNull();
        lists.AppendNull();
        var maps = new MapArray.Builder(new MapType(StringType.Default, Int64Type.Default));
        maps.Append();
        ((StringArray.Builder)maps.KeyBuilder).Append("a").Append("b");
        ((Int64Array.Builder)maps.ValueBuilder).Append(1).AppendNull();
        maps.Append();
        var type = new StructType([new Field("name", StringType.Default, true), new Field("size", Int32Type.Default, true)]);
        var structs = new StructArray(type, 2, [new StringArray.Builder().Append("x").AppendNull().Build(), new Int32Array.Builder().Append(3).AppendNull().Build()],
            new ArrowBuffer.BitmapBuilder().Append(true).Append(false).Build(), 1);

        SparkRow[] rows = [.. ArrowRows.Read(Stream(Batch(("list", lists.Build()), ("map", maps.Build()), ("struct", structs))))];
        CollectionAssert.AreEqual(new object?[] { 1L, null }, (object?[])rows[0]["list"]!);
        Assert.IsNull(rows[1]["list"]);
        var map = (Dictionary<object, object?>)rows[0]["map"]!;
        Assert.AreEqual(1L, map["a"]);
        Assert.IsNull(map["b"]);
        Assert.IsEmpty((Dictionary<object, object?>)rows[1]["map"]!);
        var @struct = (Dictionary<string, object?>)rows[0]["struct"]!;
        Assert.AreEqual("x", @struct["name"]);
        Assert.AreEqual(3L, @struct["size"]);
        Assert.IsNull(rows[1]["struct"]);
    }

    [TestMethod]
    public void Decimals_AreNumbersWhereTheyFit_ElseText()
    {
        var shorter = new Decimal128Array.Builder(new Decimal128Type(10, 2)).Append(-12.34m).Build();
        var longer = new Decimal128Array.Builder(new Decimal128Type(38, 0)).Append("99999999999999999999999999999999999999").Build();
        var row = ArrowRows.Read(Stream(Batch(("a", shorter), ("b", longer)))).Single();
        Assert.AreEqual(-12.34m, row["a"]);
        Assert.AreEqual("99999999999999999999999999999999999999", row["b"]);
    }

    [TestMethod]
    public void Type_ThatARowCannotHold_IsRefusedByName()
    {
        var times = new Time64Array.Builder(new Time64Type(TimeUnit.Microsecond)).Append(1).Build();
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => ArrowRows.Read(Stream(Batch(("t", times)))).ToArray());
        Assert.AreEqual("MNC6025", error.Code);
        StringAssert.Contains(error.Message, "time64");
    }

    /// <summary>Cut anywhere, or with other bytes in the columns. Not in what describes them: from some of that Apache.Arrow 23.0.0 takes a count, and asks for gigabytes.</summary>
    [TestMethod]
    [DataRow(null)]
    [DataRow(CompressionCodecType.Zstd)]
    public void DamagedStream_IsANamedErrorOrRows(CompressionCodecType? compression)
    {
        var whole = Stream(Plain(), compression);
        var random = new Random(1);
        var refused = 0;

        // Two messages of marker, length and description: the schema, and the batch before its columns.
        var columns = 0;
        for (var message = 0; message < 2; message++)
            columns += 8 + BitConverter.ToInt32(whole, columns + 4);
        for (var i = 0; i < 300; i++)
        {
            var damaged = whole[..(i % 3 == 0 ? random.Next(whole.Length) : whole.Length)];
            for (var change = i % 3 == 0 ? 0 : random.Next(1, 4); change > 0; change--)
                damaged[random.Next(columns, damaged.Length - 8)] = (byte)random.Next(256);
            try
            {
                _ = ArrowRows.Read(damaged).Take(100).Count();
            }
            catch (MlNetCifarException e) when (e.Code == "MNC6025")
            {
                refused++;
            }
        }

        Assert.IsGreaterThan(15, refused);
    }
}
