"""Expected metrics from scikit-learn 1.2 (Debian's python3-sklearn): writes sklearn_metrics.jsonl beside this script.

Scores are whole numbers over 2^bits that add up to one in every row, so that they are exact as floats and
scikit-learn's renormalisation of probabilities changes nothing. Calibration errors and the multi-class Brier
score are not in scikit-learn; they are computed here with numpy from their definitions.
"""
import json
import math
import os
import warnings

import numpy as np
from sklearn import metrics as m

warnings.filterwarnings("ignore")


def number(x):
    x = float(x)
    return None if math.isnan(x) else x


def shortened(x):
    """Twelve digits are enough for a comparison to 1e-9."""
    if isinstance(x, dict):
        return {k: shortened(v) for k, v in x.items()}
    if isinstance(x, (list, tuple)):
        return [shortened(v) for v in x]
    return float(f"{x:.12g}") if isinstance(x, float) else x


def mean_defined(values):
    values = [v for v in values if v is not None]
    return float(np.mean(values)) if values else None


def expected_error(groups):
    total = sum(len(c) for c, _ in groups)
    return float(sum(len(c) * abs(np.mean(r) - np.mean(c)) for c, r in groups if len(c)) / total)


def ece_equal_width(confidence, right, bins):
    edges = np.linspace(0, 1, bins + 1)
    groups = []
    for low, high in zip(edges[:-1], edges[1:]):
        inside = (confidence > low) & (confidence <= high)
        groups.append((confidence[inside], right[inside]))
    return expected_error(groups)


def ece_equal_mass(confidence, right, bins):
    """Cut after every n*b/bins-th image in the order of confidence; equal confidences stay with the first of them."""
    order = np.argsort(confidence, kind="stable")
    confidence, right = confidence[order], right[order]
    groups, start, n = [], 0, len(confidence)
    for b in range(1, bins + 1):
        end = n * b // bins
        while start < end < n and confidence[end] == confidence[end - 1]:
            end += 1
        if end > start:
            groups.append((confidence[start:end], right[start:end]))
            start = end
    return expected_error(groups)


def one_against_rest(positive, score):
    both = positive.any() and not positive.all()
    auc = m.roc_auc_score(positive, score) if both else math.nan
    if not positive.any():
        return number(auc), None, None
    precision, recall, _ = m.precision_recall_curve(positive, score)
    return number(auc), number(m.average_precision_score(positive, score)), number(m.auc(recall, precision))


def expected(y, p, bins):
    n, classes = p.shape
    predicted = p.argmax(axis=1)
    labels = list(range(classes))
    present = sorted(set(y))
    onehot = np.eye(classes)[y]
    precision, recall, f1, _ = m.precision_recall_fscore_support(y, predicted, labels=labels, zero_division=0)
    log_loss = m.log_loss(y, p, labels=labels, eps=1e-15)
    share = np.bincount(y, minlength=classes) / n
    entropy = -sum(s * math.log(s) for s in share if s > 0)
    # scikit-learn ranks the last of equal scores first; ours (and ML.NET's) is the first, so reverse the columns.
    reversed_y, reversed_p = classes - 1 - y, p[:, ::-1]
    if classes == 2:
        order = np.argsort(-p, axis=1, kind="stable")
        top = [float(np.mean([y[i] in order[i, :k] for i in range(n)])) for k in (1, 2)]
    else:
        top = [float(m.top_k_accuracy_score(reversed_y, reversed_p, k=k, labels=labels)) for k in range(1, classes)] + [1.0]
    curves = [one_against_rest(y == c, p[:, c]) for c in labels]
    micro = one_against_rest(onehot.ravel() == 1, p.ravel())
    confidence, right = p.max(axis=1), (predicted == y).astype(float)
    result = {
        "confusion": m.confusion_matrix(y, predicted, labels=labels).ravel().tolist(),
        "micro": m.accuracy_score(y, predicted),
        "macro": m.balanced_accuracy_score(y, predicted),
        "macroF1": m.f1_score(y, predicted, average="macro", zero_division=0),
        "logLoss": log_loss,
        "reduction": number((entropy - log_loss) / entropy) if entropy > 0 else None,
        "top": top,
        "classLoss": [float(m.log_loss(y[y == c], p[y == c], labels=labels, eps=1e-15)) if c in present else 0.0 for c in labels],
        "precision": precision.tolist(),
        "recall": recall.tolist(),
        "f1": f1.tolist(),
        "kappa": number(m.cohen_kappa_score(y, predicted)),
        "mcc": number(m.matthews_corrcoef(y, predicted)),
        "auc": [c[0] for c in curves],
        "ap": [c[1] for c in curves],
        "pr": [c[2] for c in curves],
        "microCurve": micro,
        "aucMacro": mean_defined([c[0] for c in curves]),
        "apMacro": mean_defined([c[1] for c in curves]),
        "brier": float(np.mean(((p - onehot) ** 2).sum(axis=1))),
        "ece": ece_equal_width(confidence, right, bins),
        "eceMass": ece_equal_mass(confidence, right, bins),
    }
    if len(present) == classes and classes > 2:
        # The same by scikit-learn's own averaging.
        assert abs(m.roc_auc_score(y, p, multi_class="ovr", average="macro", labels=labels) - result["aucMacro"]) < 1e-12
        assert abs(m.average_precision_score(onehot, p, average="micro") - micro[1]) < 1e-12
    if classes == 2:
        result["binary"] = {
            "brier": float(m.brier_score_loss(y, p[:, 1], pos_label=1)),
            "logLossBits": log_loss / math.log(2),
            "entropyBits": entropy / math.log(2),
        }
    return result


def quantise(p, bits):
    """Whole numbers that add up to 2^bits in each row."""
    units = 1 << bits
    q = np.floor(p * units).astype(int)
    q[np.arange(len(q)), p.argmax(axis=1)] += units - q.sum(axis=1)
    return q


def random_case(rng, index):
    classes = int(rng.choice([2, 2, 3, 3, 4, 5, 6, 10]))
    n = int(rng.integers(4, 46 if classes < 6 else 30))
    weights = rng.dirichlet(np.full(classes, rng.choice([0.3, 1.0, 10.0])))
    y = rng.choice(classes, n, p=weights)
    logits = rng.normal(size=(n, classes)) * rng.choice([0.3, 1.0, 3.0])
    logits[np.arange(n), y] += rng.choice([-0.5, 0.0, 1.0, 2.5])
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    bits = int(rng.choice([3, 6, 12, 20]))
    return f"random {index}", y, quantise(p, bits), bits


def edge_cases():
    def of(name, y, q, bits):
        return name, np.array(y), np.array(q), bits

    uniform = [[1, 1, 1, 1]] * 8
    yield of("all scores equal", [0, 1, 2, 3, 0, 1, 2, 3], uniform, 2)
    yield of("one image", [1], [[1, 6, 1]], 3)
    yield of("one class, all right", [2, 2, 2], [[0, 1, 7], [1, 1, 6], [0, 0, 8]], 3)
    yield of("one class, some wrong", [2, 2, 2], [[0, 1, 7], [6, 1, 1], [0, 8, 0]], 3)
    yield of("absent class never predicted", [0, 1, 0, 1], [[6, 1, 1], [2, 5, 1], [3, 4, 1], [1, 7, 0]], 3)
    yield of("absent class predicted", [0, 1, 0, 1], [[1, 1, 6], [2, 5, 1], [3, 4, 1], [1, 0, 7]], 3)
    yield of("all wrong with certainty", [0, 1, 2], [[0, 8, 0], [0, 0, 8], [8, 0, 0]], 3)
    yield of("all right with certainty", [0, 1, 2], [[8, 0, 0], [0, 8, 0], [0, 0, 8]], 3)
    yield of("binary, ties at one half", [0, 1, 0, 1], [[4, 4], [4, 4], [5, 3], [3, 5]], 3)
    yield of("binary, one class", [1, 1], [[2, 6], [5, 3]], 3)
    yield of("binary, inverted", [0, 1, 0, 1], [[1, 7], [7, 1], [2, 6], [6, 2]], 3)
    yield of("binary, all tied", [0, 1, 1, 0, 1], [[4, 4]] * 5, 3)
    rng = np.random.default_rng(7)
    y = rng.integers(0, 30, 40)
    p = rng.dirichlet(np.full(30, 0.3), 40)
    yield of("thirty classes", y, quantise(p, 12), 12)
    y = (rng.random(60) < 0.03).astype(int)
    y[0] = 1
    p = rng.random(60)
    yield of("binary, rare positives", y, quantise(np.stack([1 - p, p], axis=1), 16), 16)


def main():
    rng = np.random.default_rng(20261121)
    cases = [random_case(rng, i) for i in range(200)] + list(edge_cases())
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sklearn_metrics.jsonl")
    with open(path, "w", newline="\n") as file:
        for name, y, q, bits in cases:
            bins = 15 if len(y) > 20 else 5
            p = q / (1 << bits)
            line = {
                "name": name, "classes": q.shape[1], "bits": bits, "bins": bins,
                "labels": y.tolist(), "scores": q.ravel().tolist(), "expect": shortened(expected(y, p, bins)),
            }
            file.write(json.dumps(line, separators=(",", ":")) + "\n")


main()
