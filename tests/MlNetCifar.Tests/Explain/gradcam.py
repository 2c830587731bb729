"""Grad-CAM in PyTorch for GradCamTests: run `python3 gradcam.py > gradcam.json` (PyTorch 1.13, CPU, float64).

Weights and images come from the integer hash of ../Golden/golden.py, which the C# side computes as well.
"""
import json
import pathlib
import sys

import torch
from torch.nn import functional

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Golden"))
import golden  # noqa: E402

IMAGES = 3
CASES = [("seed-cnn", 75, "3", None), ("seed-cnn", 75, "1", 3), ("advanced-cnn", 2, "6", None), ("advanced-cnn", 2, "3", 5)]


def statistics(model):
    buffers = [(n, b) for n, b in model.named_buffers() if not n.endswith("num_batches_tracked")]
    for stream, (name, buffer) in enumerate(buffers):
        u = golden.uniform(3000 + stream, buffer.numel())
        values = 0.5 + u if name.endswith("running_var") else u - 0.5
        buffer.copy_(torch.from_numpy(golden.single(values)))


def explain(network, data, layer, target):
    model = {"seed-cnn": golden.seed_cnn, "advanced-cnn": golden.advanced_cnn}[network]().double()
    golden.fill(model)
    statistics(model)
    model.eval()
    kept = {}

    def keep(_, __, output):
        output.retain_grad()
        kept["map"] = output

    model.get_submodule("relu" + layer).register_forward_hook(keep)
    pixels, _ = golden.batch({"data": data}, 0)
    logits = model(torch.from_numpy(pixels[:IMAGES]))
    classes = logits.argmax(1) if target is None else torch.full((IMAGES,), target)
    logits[torch.arange(IMAGES), classes].sum().backward()
    features = kept["map"]
    weights = features.grad.mean((2, 3), keepdim=True)
    cam = functional.relu((weights * features).sum(1, keepdim=True))
    cam = functional.interpolate(cam, size=pixels.shape[2:], mode="bilinear", align_corners=False)[:, 0].detach()
    most = cam.amax((1, 2), keepdim=True)
    cam = torch.where(most > 0, cam / most.clamp(min=1e-30), torch.zeros_like(cam))
    return {
        "network": network, "data": data, "layer": "conv" + layer, "target": target, "classes": classes.tolist(),
        "maps": [[float(f"{x:.6f}") for x in image.reshape(-1).tolist()] for image in cam],
    }


print(json.dumps([explain(*case) for case in CASES], separators=(",", ":")))
