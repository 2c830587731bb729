"""Reads file names from standard input, one a line, and answers each with the SHA-256 of Pillow's RGB pixels (or the error)."""
import hashlib
import sys

from PIL import Image

for line in sys.stdin:
    try:
        with Image.open(line.rstrip("\n")) as image:
            print(hashlib.sha256(image.convert("RGB").tobytes()).hexdigest())
    except Exception as error:
        print("error", error)
