#!/usr/bin/env python3
"""Speed of decoding and resizing beside Debian's Pillow and libjpeg-turbo: runs this program and the peer in turn (A B A B …) and prints the ratios.

    dotnet build -c Release
    python3 tests/MlNetCifar.Benchmarks/imaging_peer.py --data ../shared/data [--rounds 3] [--seconds 4] [ROW …]

DATA holds cats-dogs-sample.tar.gz and cifar10-jpeg.tar.gz. Both sides hold the files in memory, go over all of them once untimed, then again and again for some
seconds. Pillow on two processors is a pool of two processes that returns the pixels; turbo is libturbojpeg's tjDecompress2, called without anything around it.
A ratio is ours over the peer's in the same round; the table shows the median and, in brackets, the least and the greatest.
"""
import argparse
import ctypes
import io
import json
import multiprocessing
import pathlib
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
OURS = ROOT / "artifacts/bin/MlNetCifar.Benchmarks/release/MlNetCifar.Benchmarks.dll"

# name: pictures, our work, peer, peer's work, threads
ROWS = {
    "photos-turbo": ("photos", "decode", "turbo", "decode", 1),
    "photos-pillow": ("photos", "decode", "pillow", "decode", 1),
    "cifar-turbo": ("cifar", "decode", "turbo", "decode", 1),
    "cifar-pillow": ("cifar", "decode", "pillow", "decode", 1),
    "resize": ("photos", "resize", "pillow", "resize", 2),
    "scaled": ("photos", "scaled", "pillow", "resize", 2),
    "png-pillow": ("png", "decode", "pillow", "decode", 1),
}
ARCHIVES = {"photos": "cats-dogs-sample.tar.gz", "cifar": "cifar10-jpeg.tar.gz", "png": "cats-dogs-sample.tar.gz"}
PNGS = 300

files = []


def pillow_decode(index):
    from PIL import Image

    Image.open(io.BytesIO(files[index])).convert("RGB")


def pillow_resize(index, side=64):
    from PIL import Image

    return Image.open(io.BytesIO(files[index])).convert("RGB").resize((side, side), Image.BILINEAR).tobytes()


def turbo_decoder():
    library = ctypes.CDLL("libturbojpeg.so.0")
    library.tjInitDecompress.restype = ctypes.c_void_p
    handle = ctypes.c_void_p(library.tjInitDecompress())
    width, height, sampling, space = (ctypes.c_int() for _ in range(4))
    buffer = ctypes.create_string_buffer(3 << 24)

    def decode(index):
        file = files[index]
        size = ctypes.c_ulong(len(file))
        library.tjDecompressHeader3(handle, file, size, ctypes.byref(width), ctypes.byref(height), ctypes.byref(sampling), ctypes.byref(space))
        library.tjDecompress2(handle, file, size, buffer, width, 0, height, 0, 0)

    return decode


def peer(kind, work, folder, seconds, threads):
    files.extend(path.read_bytes() for path in sorted(pathlib.Path(folder).rglob("*.*")) if path.is_file())
    pool = multiprocessing.Pool(threads) if threads > 1 else None
    function = turbo_decoder() if kind == "turbo" else pillow_resize if work == "resize" else pillow_decode

    def one_pass():
        if pool:
            pool.map(function, range(len(files)), chunksize=16)
        else:
            for index in range(len(files)):
                function(index)

    one_pass()
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        one_pass()
        count += len(files)
    print(json.dumps({"pictures_per_s": count / (time.perf_counter() - start)}))


def unpack(data, kind, folder):
    with tarfile.open(pathlib.Path(data) / ARCHIVES[kind]) as archive:
        archive.extractall(folder)
    if kind == "png":
        from PIL import Image

        for i, path in enumerate(sorted(p for p in pathlib.Path(folder).rglob("*.*") if p.is_file())):
            if i < PNGS:
                Image.open(path).convert("RGB").save(path.with_suffix(".png"))
            path.unlink()


def measure(command):
    output = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=True).stdout
    return json.loads(output.strip().splitlines()[-1])["pictures_per_s"]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", required=True)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--seconds", type=float, default=4.0)
    p.add_argument("rows", nargs="*", default=list(ROWS))
    a = p.parse_args()
    print("| work | ours, pictures/s | peer, pictures/s | ratio |\n| --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as root:
        for row in a.rows or ROWS:
            kind, own, name, other, threads = ROWS[row]
            folder = pathlib.Path(root) / kind
            if not folder.exists():
                unpack(a.data, kind, folder)
            rounds = [
                (
                    measure(["dotnet", OURS, "images", own, folder, a.seconds, threads]),
                    measure([sys.executable, __file__, "--peer", name, other, folder, a.seconds, threads]),
                )
                for _ in range(a.rounds)
            ]
            ratios = [x / y for x, y in rounds]
            middle = [statistics.median(side) for side in zip(*rounds)]
            text = f"{kind}: {own}, {threads} thread{'s' * (threads > 1)}, against {name} {other}"
            print(f"| {text} | {middle[0]:,.0f} | {middle[1]:,.0f} | {statistics.median(ratios):.2f} [{min(ratios):.2f}, {max(ratios):.2f}] |", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peer"]:
        peer(sys.argv[2], sys.argv[3], sys.argv[4], float(sys.argv[5]), int(sys.argv[6]))
    else:
        sys.exit(main())
