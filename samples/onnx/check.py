"""Runs the pictures that an exported model carries in ONNX Runtime, and compares: python3 check.py photos.onnx (pip install onnxruntime numpy)"""
import base64, json, sys
import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
about = session.get_modelmeta().custom_metadata_map
if "proof" not in about:
    sys.exit("The file carries no pictures.")
proof, prepared = json.loads(about["proof"]), json.loads(about["preprocess"])
decode = lambda text, kind: np.frombuffer(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), kind)
pixels = decode(proof["pixels"], np.uint8).reshape(proof["count"], prepared["height"], prepared["width"], prepared["channels"])
expected = decode(proof["logits"], "<f4").reshape(proof["count"], -1)
name = session.get_inputs()[0].name
if name == "picture_pixels" and (prepared["channels"] == 1 or prepared["shorter_side"] > prepared["height"]):
    sys.exit("The pictures in the file are prepared already, and this model would prepare them again.")
if name == "input":  # scaled by the caller
    pixels = ((pixels / 255.0 - json.loads(about["mean"])) / json.loads(about["std"])).transpose(0, 3, 1, 2).astype(np.float32)
found = np.concatenate([session.run(["logits"], {name: pixels[i : i + 1]})[0] for i in range(len(pixels))])
difference = float(np.abs(found - expected).max() / np.abs(expected).max())
passes = difference <= 1e-4
print(f"{'PASS' if passes else 'FAIL'}: {len(pixels)} pictures, logits differ by {difference:.2g} of the largest at most")
sys.exit(0 if passes else 3)
