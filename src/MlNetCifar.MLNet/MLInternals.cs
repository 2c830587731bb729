using System.Reflection;
using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace MlNetCifar.MLNet;

/// <summary>
/// What Microsoft.ML keeps to itself and a transform of another maker needs: the entries of a model's archive, the registration of what loads them, the shapes of columns, and
/// whether the user has cancelled. Nothing else in this project touches what is not public; a version that has it otherwise is refused by name (MNC7007).
/// </summary>
internal static class MLInternals
{
    const BindingFlags All = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static;

    static readonly Assembly s_core = typeof(IHostEnvironment).Assembly;
    static readonly PropertyInfo? s_isCancelled = s_core.GetType("Microsoft.ML.Runtime.ICancelable")?.GetProperty("IsCanceled");

    /// <summary>The environment that a catalogue of trainers or transforms was made by.</summary>
    public static IHostEnvironment EnvironmentOf(object catalog)
    {
        const string Name = "Microsoft.ML.Data.IInternalCatalog";
        var contract = catalog.GetType().GetInterface(Name) ?? throw MLNetErrors.OtherVersion(Name);
        return (IHostEnvironment)(contract.GetProperty("Environment")?.GetValue(catalog) ?? throw MLNetErrors.OtherVersion($"{Name}.Environment"));
    }

    /// <summary>Whether <c>MLContext.CancelExecution</c> was called; false where that cannot be seen.</summary>
    public static bool IsCancelled(IHostEnvironment environment) => s_isCancelled?.DeclaringType!.IsInstanceOfType(environment) is true && s_isCancelled.GetValue(environment) is true;

    /// <summary>The shape that an estimator promises for a schema.</summary>
    public static SchemaShape ShapeOf(DataViewSchema schema) => Invoke<SchemaShape>(Method(typeof(SchemaShape), "Create", typeof(DataViewSchema)), null, schema);

    /// <summary>Writes the entries of a model into an archive.</summary>
    /// <param name="context">Where to.</param>
    /// <param name="loader">The name that the model is loaded by; 24 characters at most.</param>
    /// <param name="version">Of the format.</param>
    /// <param name="entries">Names and what writes them.</param>
    public static void Save(ModelSaveContext context, string loader, int version, params (string Name, Action<Stream> Write)[] entries)
    {
        Invoke<object?>(Method(typeof(ModelSaveContext), "CheckAtModel"), context);
        var info = Type("VersionInfo");
        Invoke<object?>(
            Method(typeof(ModelSaveContext), "SetVersionInfo", info), context,
            Activator.CreateInstance(info, "MLNCIFAR", (uint)version, (uint)version, 1u, typeof(MLInternals).Assembly.FullName, loader, null));
        foreach (var (name, write) in entries)
        {
            Invoke<object?>(Method(typeof(ModelSaveContext), "SaveBinaryStream", typeof(string), typeof(Action<BinaryWriter>)), context, name, new Action<BinaryWriter>(writer =>
            {
                writer.Flush();
                write(writer.BaseStream);
            }));
        }
    }

    /// <summary>The version of the format that a model was saved in.</summary>
    /// <param name="context">A <c>ModelLoadContext</c>.</param>
    public static int VersionOf(object context)
    {
        var header = context.GetType().GetField("Header", All)?.GetValue(context) ?? throw MLNetErrors.OtherVersion("ModelLoadContext.Header");
        return (int)(uint)(header.GetType().GetField("ModelVerWritten", All)?.GetValue(header) ?? throw MLNetErrors.OtherVersion("ModelHeader.ModelVerWritten"));
    }

    /// <summary>Reads an entry of a model out of an archive.</summary>
    /// <param name="context">A <c>ModelLoadContext</c>.</param>
    /// <param name="name">The entry.</param>
    /// <param name="read">Reads it.</param>
    public static T Load<T>(object context, string name, Func<Stream, T> read)
    {
        T? value = default;
        var method = Method(context.GetType(), "TryLoadBinaryStream", typeof(string), typeof(Action<BinaryReader>));
        return Invoke<bool>(method, context, name, new Action<BinaryReader>(reader => value = read(reader.BaseStream))) ? value! : throw MLNetErrors.Damaged(name);
    }

    /// <summary>Makes known what loads models.</summary>
    /// <param name="catalog">Of an environment.</param>
    /// <param name="loaders">Types with a static method <c>Create(IHostEnvironment, object)</c>, what they load, and the names that were given to <see cref="Save"/>.</param>
    public static void Register(ComponentCatalog catalog, params (Type Loader, Type Loaded, string Name)[] loaders)
    {
        var attribute = Type("LoadableClassAttribute");
        var attributes = (Attribute[])Array.CreateInstance(attribute, loaders.Length);
        for (var i = 0; i < loaders.Length; i++)
        {
            attributes[i] = (Attribute)Activator.CreateInstance(
                attribute, loaders[i].Loaded, loaders[i].Loader, null, Type("SignatureLoadModel"), loaders[i].Name, new[] { loaders[i].Name })!;
        }

        catalog.RegisterAssembly(new Registration(attributes));
    }

    static Type Type(string name) => s_core.GetType($"Microsoft.ML.{name}") ?? throw MLNetErrors.OtherVersion(name);

    static MethodInfo Method(Type type, string name, params Type[] parameters) => type.GetMethod(name, All, parameters) ?? throw MLNetErrors.OtherVersion($"{type.Name}.{name}");

    static T Invoke<T>(MethodInfo method, object? target, params object?[] arguments) =>
        (T)method.Invoke(target, BindingFlags.DoNotWrapExceptions, null, arguments, null)!;

    /// <summary>Says of this project's assembly what attributes of its own would say if their type were public.</summary>
    sealed class Registration(Attribute[] attributes) : Assembly
    {
        public override string FullName => "MlNetCifar.MLNet.Registration";

        public override bool IsDynamic => false;

        public override object[] GetCustomAttributes(Type attributeType, bool inherit) =>
            attributeType.IsAssignableFrom(attributes.GetType().GetElementType()) ? attributes : (object[])Array.CreateInstance(attributeType, 0);

        public override object[] GetCustomAttributes(bool inherit) => attributes;

        public override bool IsDefined(Type attributeType, bool inherit) => GetCustomAttributes(attributeType, inherit).Length > 0;

        public override AssemblyName GetName() => new(FullName);

        public override AssemblyName GetName(bool copiedName) => GetName();

        public override AssemblyName[] GetReferencedAssemblies() => typeof(Registration).Assembly.GetReferencedAssemblies();

        public override Type[] GetTypes() => [];

        public override Type[] GetExportedTypes() => [];

        public override string Location => "";
    }
}
