"""Reads file names from standard input, one a line, and answers each with the SHA-256 of Pillow's RGB pixels, or with "error" and the reason.

16-bit grey is cut to its high byte, as every other 16-bit mode is by Pillow itself.
"""
import hashlib
import sys
import warnings

from PIL import Image


def rgb(image):
    if image.format == "PNG" and image.mode.startswith("I"):
        image.load()
        return Image.merge("RGB", [Image.frombytes("L", image.size, bytes(value >> 8 for value in image.getdata()))] * 3)
    return image.convert("RGB")


warnings.simplefilter("ignore")
for line in sys.stdin:
    try:
        with Image.open(line.rstrip("\n")) as picture:
            print(hashlib.sha256(rgb(picture).tobytes()).hexdigest(), flush=True)
    except Exception as error:
        print("error", str(error).replace("\n", " "), flush=True)
