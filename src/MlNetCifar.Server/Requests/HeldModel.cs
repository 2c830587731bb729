using MlNetCifar.Server.Models;

namespace MlNetCifar.Server.Requests;

/// <summary>The model of a request, held until it is disposed; its canary stands in for it now and then.</summary>
internal sealed class HeldModel : IDisposable
{
    readonly Serving _serving;
    readonly bool _mayVary;

    /// <summary>Holds a model.</summary>
    /// <param name="serving">The server.</param>
    /// <param name="name">Null for the only one.</param>
    /// <param name="version">Null for the highest; one that is asked for has no canary.</param>
    /// <exception cref="RequestFault">There is none (404).</exception>
    public HeldModel(Serving serving, string? name, string? version)
    {
        (_serving, _mayVary) = (serving, version is null);
        Model = serving.Store.Hold(name, version);
    }

    public LoadedModel Model { get; }

    /// <summary>Answers by the model, or by its canary; where that fails, by the model after all, so that no request is lost by it.</summary>
    /// <param name="id">Of the request.</param>
    /// <param name="answer">Scores, and then writes.</param>
    public async Task AnswerAsync(string id, Func<LoadedModel, Task> answer)
    {
        if (_mayVary && _serving.Candidates.Choose(Model, id) is { } canary)
        {
            try
            {
                await answer(canary).ConfigureAwait(false);
                return;
            }
            catch (ModelFault fault)
            {
                _serving.Candidates.Fail(canary, fault);
            }
            finally
            {
                canary.Release();
            }
        }

        await answer(Model).ConfigureAwait(false);
    }

    public void Dispose() => Model.Release();
}
