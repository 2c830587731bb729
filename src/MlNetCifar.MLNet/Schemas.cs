using System.Reflection;
using Microsoft.ML;

namespace MlNetCifar.MLNet;

/// <summary>Finds columns by name.</summary>
internal static class Schemas
{
    /// <summary>The visible column of a name in what an estimator is promised.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is none.</exception>
    public static SchemaShape.Column Find(this SchemaShape shape, string name, string role, string option)
    {
        foreach (var column in shape)
        {
            if (column.Name == name)
                return column;
        }

        throw MLNetErrors.NoColumn(role, name, shape.Select(c => c.Name), option);
    }

    /// <summary>What an estimator promises that adds columns.</summary>
    /// <param name="shape">What it is promised.</param>
    /// <param name="added">The columns; sizes are as they will be only after training.</param>
    public static SchemaShape With(this SchemaShape shape, IEnumerable<DataViewSchema.DetachedColumn> added)
    {
        var builder = new DataViewSchema.Builder();
        builder.AddColumns(added);
        SchemaShape.Column[] columns = [.. MLInternals.ShapeOf(builder.ToSchema())];
        return new([.. shape.Where(old => columns.All(column => column.Name != old.Name)), .. columns]);
    }
}

/// <summary>The annotations of columns that ML.NET's trainers give and its evaluators look for.</summary>
internal static class AnnotationKinds
{
    public const string KeyValues = "KeyValues";
    public const string SlotNames = "SlotNames";
    public const string TrainingLabelValues = "TrainingLabelValues";
    public const string ScoreColumnKind = "ScoreColumnKind";
    public const string ScoreColumnSetId = "ScoreColumnSetId";
    public const string ScoreValueKind = "ScoreValueKind";
}

/// <summary>Calls generic methods with types that are known only when they run.</summary>
internal static class Generic
{
    /// <summary>Calls a static method of one type parameter.</summary>
    public static object? Call(Type owner, string method, Type argument, params object?[] arguments) =>
        owner.GetMethod(method, BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.Public)!.MakeGenericMethod(argument)
            .Invoke(null, BindingFlags.DoNotWrapExceptions, null, arguments, null);
}
