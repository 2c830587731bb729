"""Makes the pictures of this folder and what libjpeg-turbo (djpeg) and Pillow decode them to.

Run in this folder, with cjpeg, djpeg and jpegtran on the path:  python3 make_goldens.py
pictures.tsv: file, width, height, SHA-256 of the RGB bytes.
scaled.tsv: the same at 1/2, 1/4 and 1/8 of the size.
resizes.tsv: specification (JSON), file, SHA-256 of the result's bytes.
"""
import glob
import hashlib
import io
import json
import os
import random
import struct
import subprocess
import zlib

from PIL import Image, ImageFilter, ImageOps

random.seed(20)


def digest(data):
    return hashlib.sha256(data).hexdigest()


def picture(width, height, seed):
    """Smooth colours, edges and some noise."""
    rng = random.Random(seed)
    image = Image.new("RGB", (width, height))
    image.putdata([
        ((x * 9 + y * 3 + rng.randrange(9)) % 256, (y * 11 + (x // 5 % 2) * 90) % 256, (x * y + rng.randrange(30)) % 256)
        for y in range(height) for x in range(width)])
    return image


def run(*command, data):
    return subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout


def ppm(image):
    buffer = io.BytesIO()
    image.save(buffer, "PPM")
    return buffer.getvalue()


def jpegs():
    cases = [
        ("444", (23, 17), ["-sample", "1x1"]), ("422", (23, 17), ["-sample", "2x1"]), ("440", (23, 17), ["-sample", "1x2"]),
        ("420", (37, 29), ["-sample", "2x2"]), ("411", (40, 9), ["-sample", "4x1"]), ("410", (35, 33), ["-sample", "4x2"]),
        ("mixed", (19, 21), ["-sample", "2x2,1x2,2x1"]), ("q5", (31, 31), ["-quality", "5"]), ("q100", (16, 16), ["-quality", "100"]),
        ("grey", (27, 14), ["-grayscale"]), ("rgb", (18, 15), ["-rgb"]), ("restart", (50, 20), ["-restart", "2B"]),
        ("progressive", (41, 23), ["-progressive"]), ("progressive-444", (25, 25), ["-progressive", "-sample", "1x1", "-quality", "97"]),
        ("progressive-restart", (33, 40), ["-progressive", "-restart", "1"]), ("optimized", (30, 30), ["-optimize"]),
        ("1x1", (1, 1), []), ("2x2", (2, 2), []), ("3x1", (3, 1), []), ("4x5", (4, 5), []), ("17x16", (17, 16), []), ("cifar", (32, 32), ["-quality", "90"]),
    ]
    for name, size, options in cases:
        with open(f"jpeg-{name}.jpg", "wb") as file:
            file.write(run("cjpeg", *options, data=ppm(picture(*size, seed=name))))
    cmyk = picture(21, 13, "cmyk").convert("CMYK")
    cmyk.save("jpeg-cmyk.jpg", quality=80)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_rows(values, channels, depth):
    out = b""
    previous = None
    step = max(1, channels * depth // 8)
    for row in values:
        bits = "".join(format(sample, f"0{depth}b") for pixel in row for sample in pixel)
        bits += "0" * (-len(bits) % 8)
        data = int(bits, 2).to_bytes(len(bits) // 8, "big")
        previous = previous or bytes(len(data))
        kind = random.randrange(5)
        filtered = bytearray([kind])
        for i, value in enumerate(data):
            left = data[i - step] if i >= step else 0
            above = previous[i]
            corner = previous[i - step] if i >= step else 0
            guess = left + above - corner
            nearest = min((abs(guess - left), 0, left), (abs(guess - above), 1, above), (abs(guess - corner), 2, corner))[2]
            filtered.append((value - [0, left, above, (left + above) // 2, nearest][kind]) & 255)
        out += filtered
        previous = data
    return out


def pngs():
    adam7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    for color, channels, depths in ((0, 1, (1, 2, 4, 8, 16)), (2, 3, (8, 16)), (3, 1, (1, 2, 4, 8)), (4, 2, (8, 16)), (6, 4, (8, 16))):
        for depth in depths:
            for interlaced in (0, 1):
                width, height = random.choice([(1, 1), (9, 7), (13, 10), (3, 11)])
                values = [[[random.randrange(2 ** depth) for _ in range(channels)] for _ in range(width)] for _ in range(height)]
                if interlaced:
                    passes = [[row[x::sx] for row in values[y::sy]] for x, y, sx, sy in adam7]
                    raw = b"".join(png_rows(rows, channels, depth) for rows in passes if rows and rows[0])
                else:
                    raw = png_rows(values, channels, depth)
                packed = zlib.compress(raw)
                data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlaced))
                if color == 3:
                    data += chunk(b"PLTE", bytes(random.randrange(256) for _ in range(3 * 2 ** depth))) + chunk(b"tRNS", b"\0\x80")
                data += chunk(b"IDAT", packed[:7]) + chunk(b"IDAT", packed[7:]) + chunk(b"IEND", b"")
                with open(f"png-{color}-{depth}-{'adam7' if interlaced else 'plain'}.png", "wb") as file:
                    file.write(data)


def others():
    image = picture(13, 9, "other")
    image.save("bmp-24.bmp")
    image.convert("RGBA").save("bmp-32.bmp")
    image.quantize(200).save("bmp-8.bmp")
    image.convert("1").save("bmp-1.bmp")
    pixels = b"\x05\x02\x00\x00" + b"\x00\x05\x00\x01\x02\x03\x02\x00\x00\x00" + b"\x03\x01\x02\x03\x00\x01"
    palette = bytes([0, 0, 0, 0, 10, 20, 30, 0, 200, 100, 50, 0, 90, 80, 70, 0])
    header = struct.pack("<IiiHHIIiiII", 40, 5, 3, 1, 8, 1, len(pixels), 0, 0, 4, 0)
    with open("bmp-rle8.bmp", "wb") as file:
        file.write(b"BM" + struct.pack("<IHHI", 14 + 40 + 16 + len(pixels), 0, 0, 70) + header + palette + pixels)
    image.save("pnm-p6.ppm")
    image.convert("L").save("pnm-p5.pgm")
    image.convert("1").save("pnm-p4.pbm")
    with open("pnm-p3.ppm", "w") as file:
        file.write("P3\n# comment\n3 2\n15\n" + " ".join(str(i % 16) for i in range(18)) + "\n")
    with open("pnm-p2.pgm", "w") as file:
        file.write("P2 4 1 255 0 100 200 255")
    with open("pnm-p1.pbm", "w") as file:
        file.write("P1\n5 2\n10101\n0 1 0 1 0\n")
    image.quantize(120).save("gif-plain.gif", interlace=0)
    picture(40, 37, "gif").quantize(256).save("gif-interlaced.gif", interlace=1)
    frames = [picture(12, 8, i).quantize(30) for i in range(3)]
    frames[0].save("gif-animated.gif", save_all=True, append_images=frames[1:], transparency=4)


def decode(name):
    if name.startswith("jpeg") and "cmyk" not in name:
        with open(name, "rb") as file:
            return Image.open(io.BytesIO(run("djpeg", "-ppm", data=file.read()))).convert("RGB")
    image = Image.open(name)
    if image.mode.startswith("I"):
        image.load()
        return Image.merge("RGB", [Image.frombytes("L", image.size, bytes(value >> 8 for value in image.getdata()))] * 3)
    return image.convert("RGB")


def resizes():
    filters = {"nearest": Image.NEAREST, "box": Image.BOX, "bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC, "lanczos": Image.LANCZOS}
    lines = []
    for name in ("jpeg-420.jpg", "gif-interlaced.gif", "jpeg-411.jpg"):
        image = decode(name)
        for kernel, value in filters.items():
            for width, height in ((16, 16), (32, 32), (50, 12), (90, 77), (image.width, 10), (11, image.height)):
                base = {"width": width, "height": height, "filter": kernel}
                results = [
                    ({"resize": "stretch"}, image.resize((width, height), value)),
                    ({"resize": "fit-pad", "pad_color": 0x0A141E}, ImageOps.pad(image, (width, height), value, color=(10, 20, 30))),
                    ({"resize": "center-crop"}, ImageOps.fit(image, (width, height), value)),
                ]
                lines += [(json.dumps({**base, **extra}), name, digest(result.tobytes())) for extra, result in results]
        small = image.resize((24, 24), Image.BILINEAR)
        base = {"width": 24, "height": 24}
        lines.append((json.dumps({**base, "channels": 1}), name, digest(small.convert("L").tobytes())))
        for size in (3, 5, 7):
            lines.append((json.dumps({**base, "median": size}), name, digest(small.filter(ImageFilter.MedianFilter(size)).tobytes())))
        for sigma in (0.5, 1.0, 2.3):
            lines.append((json.dumps({**base, "blur": sigma}), name, digest(small.filter(ImageFilter.GaussianBlur(sigma)).tobytes())))
            grey = small.convert("L").filter(ImageFilter.MedianFilter(3)).filter(ImageFilter.GaussianBlur(sigma))
            lines.append((json.dumps({**base, "channels": 1, "median": 3, "blur": sigma}), name, digest(grey.tobytes())))
    with open("resizes.tsv", "w") as file:
        file.writelines("\t".join(line) + "\n" for line in lines)


def scaled():
    """What djpeg makes of the pictures at a fraction of their size; of two fractions that give the same size, the smaller one."""
    lines = {}
    for name in sorted(glob.glob("jpeg-*.jpg")):
        if "cmyk" in name:
            continue
        for part in (2, 4, 8):
            with open(name, "rb") as file:
                picture = Image.open(io.BytesIO(run("djpeg", "-ppm", "-scale", f"1/{part}", data=file.read()))).convert("RGB")
            lines[name, picture.size] = f"{name}\t{picture.width}\t{picture.height}\t{digest(picture.tobytes())}\n"
    with open("scaled.tsv", "w") as file:
        file.writelines(lines.values())


for old in glob.glob("*.*"):
    if not old.endswith((".py", ".tsv")):
        os.remove(old)
jpegs()
pngs()
others()
with open("pictures.tsv", "w") as table:
    for picture_name in sorted(name for name in os.listdir(".") if not name.endswith((".py", ".tsv"))):
        decoded = decode(picture_name)
        table.write(f"{picture_name}\t{decoded.width}\t{decoded.height}\t{digest(decoded.tobytes())}\n")
resizes()
scaled()
