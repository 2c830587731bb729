"""Replicates a sample of pictures by augmentation, to measure training from more images than there are.

usage: replicate.py IN OUT COUNT [SIZE]

IN is a folder of class folders. OUT gets the same classes with COUNT JPEG files in all: each picture in turn is mirrored, cropped to 75 to 100 % of its
sides, and made brighter or darker by up to a fifth, then resized to SIZE (64). The same call makes the same files.
"""
import os
import random
import sys

from PIL import Image, ImageEnhance, ImageOps

source, target, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
size = int(sys.argv[4]) if len(sys.argv) > 4 else 64
classes = sorted(name for name in os.listdir(source) if os.path.isdir(os.path.join(source, name)))
files = sorted(
    (name, file) for name in classes for file in os.listdir(os.path.join(source, name)) if file.lower().endswith((".jpg", ".jpeg", ".png")))
for name in classes:
    os.makedirs(os.path.join(target, name), exist_ok=True)

for index, (name, file) in enumerate(files):
    copies = (count - index + len(files) - 1) // len(files)
    try:
        picture = Image.open(os.path.join(source, name, file)).convert("RGB")
    except OSError:
        continue
    picture.thumbnail((4 * size, 4 * size))
    for copy in range(copies):
        chance = random.Random(f"{name}/{file}/{copy}")
        width, height = (max(1, round(side * chance.uniform(0.75, 1))) for side in picture.size)
        left, top = chance.randint(0, picture.width - width), chance.randint(0, picture.height - height)
        changed = picture.crop((left, top, left + width, top + height)).resize((size, size), Image.BILINEAR)
        if chance.random() < 0.5:
            changed = ImageOps.mirror(changed)
        changed = ImageEnhance.Brightness(changed).enhance(chance.uniform(0.8, 1.2))
        changed.save(os.path.join(target, name, f"{os.path.splitext(file)[0]}-{copy:02d}.jpg"), quality=92)
