"""Makes JPEG files over the matrix of sampling × quality × process × restart interval × size with cjpeg and jpegtran, and decodes them with djpeg.

Usage: jpeg_matrix.py EVERY. Of all cases every EVERYth, beginning with the first.

Prints one line a file: what it is, the file in base64, and the SHA-256 of djpeg's RGB bytes, or "refused" where djpeg fails.
"""
import base64
import concurrent.futures
import hashlib
import itertools
import os
import random
import subprocess
import sys
import tempfile

SAMPLINGS = ["1x1", "2x1", "1x2", "2x2", "4x1", "1x4", "4x2", "2x4", "3x1", "1x3", "3x2", "2x2,1x2,2x1", "1x2,2x1,1x1", "grey", "rgb"]
QUALITIES = [10, 75, 100]
PROCESSES = ["baseline", "progressive", "separate", "turned"]
RESTARTS = ["0", "1B", "1"]
SIZES = range(1, 41)


def picture(width, height):
    """Smooth colours, edges and some noise, as a binary PPM."""
    rng = random.Random(100 * width + height)
    pixels = [((9 * x + 3 * y + rng.randrange(9)) % 256, (11 * y + x // 5 % 2 * 90) % 256, (x * y + rng.randrange(30)) % 256) for y in range(height) for x in range(width)]
    return f"P6\n{width} {height}\n255\n".encode() + bytes(itertools.chain.from_iterable(pixels))


def run(*command, data):
    return subprocess.run(command, input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout


def encode(case, scans):
    sampling, quality, process, restart, size = case
    command = ["cjpeg", "-quality", str(quality), "-restart", restart]
    command += {"grey": ["-grayscale"], "rgb": ["-rgb"]}.get(sampling, ["-sample", sampling])
    if process == "progressive":
        command.append("-progressive")
    if process == "separate":
        command += ["-scans", scans[sampling == "grey"]]
    file = run(*command, data=picture(size, (13 * size + 7) % 40 + 1))
    if process == "turned":
        file = run("jpegtran", "-rotate", "90", *(["-progressive"] if size % 2 else []), data=file)
    return file


def digest(file):
    try:
        ppm = run("djpeg", "-pnm", data=file)
    except subprocess.CalledProcessError:
        return "refused"
    kind, size, _, pixels = ppm.split(b"\n", 3)
    return hashlib.sha256(bytes(itertools.chain.from_iterable((p, p, p) for p in pixels)) if kind == b"P5" else pixels).hexdigest()


def line(case, scans):
    file = encode(case, scans)
    return "\t".join((" ".join(map(str, case)), base64.b64encode(file).decode(), digest(file)))


def main():
    with tempfile.TemporaryDirectory() as folder:
        scans = [os.path.join(folder, name) for name in ("colour", "grey")]
        for path, text in zip(scans, ("0;1;2;", "0;")):
            with open(path, "w") as file:
                file.write(text)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for text in pool.map(lambda case: line(case, scans), itertools.islice(itertools.product(SAMPLINGS, QUALITIES, PROCESSES, RESTARTS, SIZES), 0, None, int(sys.argv[1]))):
                print(text)


if __name__ == "__main__":
    sys.exit(main())
