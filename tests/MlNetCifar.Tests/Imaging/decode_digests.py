"""Reads file names from standard input, one a line, and answers each with the SHA-256 of Pillow's RGB pixels, or with "error" and the reason.

16-bit grey, which Pillow would clip at 255, is scaled as it scales the other 16-bit modes: PNG is cut to the high byte, PPM is rounded.
"""
import hashlib
import sys
import warnings

from PIL import Image


def rgb(image):
    if image.format in ("PNG", "PPM") and image.mode.startswith("I"):
        image.load()
        high = (value >> 8 if image.format == "PNG" else round(value / 65535 * 255) for value in image.getdata())
        return Image.merge("RGB", [Image.frombytes("L", image.size, bytes(high))] * 3)
    return image.convert("RGB")


warnings.simplefilter("ignore")
for line in sys.stdin:
    try:
        with Image.open(line.rstrip("\n")) as picture:
            print(hashlib.sha256(rgb(picture).tobytes()).hexdigest(), flush=True)
    except Exception as error:
        print("error", str(error).replace("\n", " "), flush=True)
