using MlNetCifar.Spark.Protos;

namespace MlNetCifar.Spark.Connect;

/// <summary>Builds the protocol's plans; pure functions.</summary>
static class Plans
{
    public static Plan Query(Relation relation) => new() { Root = relation };

    public static Relation Sql(string query) => new() { Sql = new() { Query = query } };

    public static Relation Table(string name) => new() { Read = new() { NamedTable = new() { UnparsedIdentifier = name } } };

    public static Relation Source(string format, IEnumerable<string> paths, IReadOnlyDictionary<string, string>? options, string? schema)
    {
        var source = new Read.Types.DataSource { Format = format };
        if (schema is not null)
            source.Schema = schema;
        source.Paths.Add(paths);
        foreach (var (key, value) in options ?? new Dictionary<string, string>())
            source.Options[key] = value;
        return new() { Read = new() { DataSource = source } };
    }

    public static Relation Repartition(Relation input, int partitions) =>
        new() { Repartition = new() { Input = input, NumPartitions = partitions, Shuffle = true } };

    public static Relation Limit(Relation input, int rows) => new() { Limit = new() { Input = input, Limit_ = rows } };

    public static Plan SqlCommand(string sql) => new() { Command = new() { SqlCommand = new() { Sql = sql, Input = Sql(sql) } } };

    public static Plan TempView(Relation input, string name) =>
        new() { Command = new() { CreateDataframeView = new() { Input = input, Name = name, Replace = true } } };

    public static Plan Write(Relation input, string format, string path, SaveMode mode, IReadOnlyDictionary<string, string>? options)
    {
        var write = new WriteOperation
        {
            Input = input,
            Source = format,
            Path = path,
            Mode = mode switch
            {
                SaveMode.Overwrite => WriteOperation.Types.SaveMode.Overwrite,
                SaveMode.Append => WriteOperation.Types.SaveMode.Append,
                _ => WriteOperation.Types.SaveMode.ErrorIfExists,
            },
        };
        foreach (var (key, value) in options ?? new Dictionary<string, string>())
            write.Options[key] = value;
        return new() { Command = new() { WriteOperation = write } };
    }
}
