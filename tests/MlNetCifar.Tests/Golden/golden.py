"""Ten training steps of two presets in PyTorch, for GoldenRunTests: run `python3 golden.py > golden.json` (PyTorch 1.13, CPU).

Weights, images and labels come from an integer hash that the C# side computes as well, so no arrays are exchanged. Dropout is off.
Each run is made in float32 and in float64; the float64 losses say how far rounding alone moves a loss.

A ReLU input or a tie of a max-pooling window that lies within rounding of its kink makes gradients of two correct programs differ visibly.
`python3 golden.py margins` lists the draws of images whose first forward pass stays farthest from every kink; main() uses the best one.
Rates are low for the same reason.
"""
import json
import math
import sys
from collections import OrderedDict

import numpy as np
import torch
from torch import nn

STEPS, BATCH, SIDE, CLASSES = 10, 8, 16, 10
SAMPLES = 24


def uniform(stream, count):
    """Numbers in [0, 1) with 24 bits: the murmur3 finaliser of index and stream, modulo 2^32."""
    def u(x):
        return np.uint64(x)

    h = (np.arange(count, dtype=np.uint64) * u(0x9E3779B1) + u(stream) * u(0x85EBCA77) + u(0x27D4EB2F)) & u(0xFFFFFFFF)
    h ^= h >> u(16)
    h = (h * u(0x85EBCA6B)) & u(0xFFFFFFFF)
    h ^= h >> u(13)
    h = (h * u(0xC2B2AE35)) & u(0xFFFFFFFF)
    h ^= h >> u(16)
    return (h >> u(8)).astype(np.float64) / 2**24


def single(values):
    return np.asarray(values).astype(np.float32).astype(np.float64)


def signs(stream, count):
    return np.where(uniform(stream, count) < 0.5, -1.0, 1.0)


def batch(run, step):
    """Noise plus a pattern per class, NCHW, so that there is something to learn."""
    stream = 8000 + 20 * run["data"] + step
    labels = (uniform(1000000 + stream, BATCH) * CLASSES).astype(np.int64)
    noise = uniform(stream, BATCH * 3 * SIDE * SIDE).reshape(BATCH, 3, SIDE, SIDE)
    patterns = uniform(7000, CLASSES * 3 * SIDE * SIDE).reshape(CLASSES, 3, SIDE, SIDE)
    return single(1.5 * (2 * noise - 1) + (2 * patterns[labels] - 1)), labels


def seed_cnn():
    layers, channels = [], 3
    for i, filters in enumerate((32, 64, 128), 1):
        layers += [(f"conv{i}", nn.Conv2d(channels, filters, 3, padding=1)), (f"relu{i}", nn.ReLU()), (f"pool{i}", nn.MaxPool2d(2))]
        channels = filters
    layers += [("flatten", nn.Flatten()), ("fc1", nn.Linear(512, 128)), ("relu4", nn.ReLU()), ("fc2", nn.Linear(128, CLASSES))]
    return nn.Sequential(OrderedDict(layers))


def advanced_cnn():
    layers, channels, i = [], 3, 0
    for filters in (32, 64, 128):
        for _ in range(2):
            i += 1
            layers += [
                (f"conv{i}", nn.Conv2d(channels, filters, 3, padding=1, bias=False)), (f"bn{i}", nn.BatchNorm2d(filters)), (f"relu{i}", nn.ReLU())]
            channels = filters
        layers += [(f"pool{i}", nn.MaxPool2d(2))]
    layers += [
        ("flatten", nn.Flatten()), ("fc1", nn.Linear(512, 128, bias=False)), ("bn7", nn.BatchNorm1d(128)), ("relu7", nn.ReLU()),
        ("fc2", nn.Linear(128, CLASSES))]
    return nn.Sequential(OrderedDict(layers))


def fill(model):
    for stream, (name, tensor) in enumerate(model.named_parameters()):
        count = tensor.numel()
        u = 2 * uniform(100 + stream, count) - 1
        if tensor.dim() > 1:
            values = math.sqrt((1.0 if name == "fc2.weight" else 6.0) / (count // tensor.shape[0])) * u
        elif name.startswith("bn") and name.endswith("weight"):
            values = 1 + 0.2 * u
        else:
            values = 0.1 * u
        with torch.no_grad():
            tensor.copy_(torch.from_numpy(single(values)).reshape(tensor.shape))


def optimizer(model, run):
    weights = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() == 1]
    groups = [{"params": weights, "weight_decay": run["decay"]}, {"params": others, "weight_decay": 0.0}]
    if run["optimizer"] == "Sgd":
        return torch.optim.SGD(groups, lr=run["rate"], momentum=0.9, nesterov=True)
    kind = torch.optim.AdamW if run["optimizer"] == "AdamW" else torch.optim.Adam
    return kind(groups, lr=run["rate"], betas=(0.9, 0.999), eps=1e-8)


def class_weights(run):
    return single(0.5 + uniform(6000, CLASSES)) if run["weighted"] else None


def number(x):
    return float(f"{x:.9g}")


def summary(stream, values):
    """Norm, four signed sums, and some entries at positions that the stream draws, in PyTorch's layout."""
    flat = values.detach().double().numpy().reshape(-1)
    at = (uniform(5000 + stream, SAMPLES) * flat.size).astype(np.int64)
    return {
        "norm": number(np.linalg.norm(flat)),
        "sums": [number(float(signs(4000 + 4 * stream + k, flat.size) @ flat)) for k in range(4)],
        "values": [number(x) for x in flat[at]],
    }


def train(run, dtype):
    model = {"seed-cnn": seed_cnn, "advanced-cnn": advanced_cnn}[run["network"]]().to(dtype)
    fill(model)
    first = {name: p.detach().clone() for name, p in model.named_parameters()}
    weights = class_weights(run)
    loss_of = nn.CrossEntropyLoss(
        weight=None if weights is None else torch.from_numpy(weights).to(dtype), label_smoothing=run["smoothing"])
    step_of = optimizer(model, run)
    losses, gradients = [], {}
    for step in range(STEPS):
        pixels, labels = batch(run, step)
        step_of.zero_grad()
        loss = loss_of(model(torch.from_numpy(pixels).to(dtype)), torch.from_numpy(labels))
        loss.backward()
        if step == 0:
            gradients = {name: summary(i, p.grad) for i, (name, p) in enumerate(model.named_parameters())}
        step_of.step()
        losses.append(number(loss.item()))
    final = {name: summary(i, p - first[name]) for i, (name, p) in enumerate(model.named_parameters())}
    for i, (name, buffer) in enumerate(model.named_buffers()):
        if not name.endswith("num_batches_tracked"):
            final[name] = summary(50 + i, buffer)
    model.eval()
    pixels, _ = batch(run, STEPS)
    logits = model(torch.from_numpy(pixels).to(dtype)).detach().double().numpy().reshape(-1)
    return {"losses": losses, "gradients": gradients, "final": final, "logits": [number(x) for x in logits]}


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    runs = [
        {"network": "seed-cnn", "optimizer": "Adam", "rate": 1e-4, "decay": 0.0, "smoothing": 0.0, "weighted": False},
        {"network": "seed-cnn", "optimizer": "Sgd", "rate": 1e-3, "decay": 5e-3, "smoothing": 0.1, "weighted": False},
        {"network": "seed-cnn", "optimizer": "AdamW", "rate": 1e-4, "decay": 0.5, "smoothing": 0.0, "weighted": True},
        {"network": "advanced-cnn", "optimizer": "Adam", "rate": 2e-5, "decay": 0.0, "smoothing": 0.0, "weighted": False},
        {"network": "advanced-cnn", "optimizer": "Sgd", "rate": 1e-3, "decay": 5e-3, "smoothing": 0.0, "weighted": True},
        {"network": "advanced-cnn", "optimizer": "Adam", "rate": 2e-5, "decay": 1e-2, "smoothing": 0.1, "weighted": False},
    ]
    for run in runs:
        run["data"] = 75 if run["network"] == "seed-cnn" else 2
        run.update(train(run, torch.float32))
        run["losses64"] = train(run, torch.float64)["losses"]
    print("{\"torch\": " + json.dumps(torch.__version__) + ", \"runs\": [")
    print(",\n".join(json.dumps(run, separators=(",", ":")) for run in runs))
    print("]}")


def margins():
    for name, build in (("seed-cnn", seed_cnn), ("advanced-cnn", advanced_cnn)):
        model = build().double()
        fill(model)
        ranking = sorted(((margin(model, data), data) for data in range(100)), reverse=True)
        print(name, ranking[:5])


def margin(model, data):
    """Smallest distance of the first step from a kink, in standard deviations of the layer."""
    pixels, _ = batch({"data": data}, 0)
    values, smallest = torch.from_numpy(pixels), math.inf
    with torch.no_grad():
        for _, layer in model.named_children():
            deviation = values.std().item()
            if isinstance(layer, nn.ReLU):
                smallest = min(smallest, values.abs().min().item() / deviation)
            elif isinstance(layer, nn.MaxPool2d):
                n, c, h, w = values.shape
                windows = values.reshape(n, c, h // 2, 2, w // 2, 2).permute(0, 1, 2, 4, 3, 5).reshape(-1, 4).sort(1)[0]
                windows = windows[windows[:, 3] > 0]
                smallest = min(smallest, (windows[:, 3] - windows[:, 2]).min().item() / deviation)
            values = layer(values)
    return smallest


if __name__ == "__main__":
    margins() if sys.argv[1:] == ["margins"] else main()
