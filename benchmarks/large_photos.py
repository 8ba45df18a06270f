"""A feature pass over photos of 12 and 48 megapixels, beside that of another checkout.

    python -m benchmarks.large_photos --beside ../the/commit/before

It draws the photos, as detailed as a phone's. A pass reads, hashes and decodes them, and computes
the features of one view of each; the network is opened before. What memory it takes is measured
beside what the process held when it began.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

from activity.network.arguments import positive
from benchmarks.measuring import ROOT, print_table

SIZES = {12: (4032, 3024), 48: (8064, 6048)}
DRAWN = 8  # different photos; the others are copies, each with a comment of its own

PASS = """
import json, sys, threading, time
from pathlib import Path
from activity.media.augmentation import view_of_photo
from activity.media.images import Image, hash_files, map_images
from activity.network.backbone import build_backbone, fingerprint
from activity.network.engine import EngineOptions, open_engine
from activity.network.networks import RANDOM

def held():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6

folder, most = Path(sys.argv[1]), 0.0
names = sorted(path.name for path in folder.iterdir())
backbone = build_backbone("efficientnet-lite0", RANDOM)
options = EngineOptions("openvino", cache_folder=Path(sys.argv[2]))
run = open_engine(options, lambda: backbone, key=fingerprint(backbone), inputs=None)
begun, ended = held(), threading.Event()

def watch():
    global most
    while not ended.wait(0.01):
        most = max(most, held())

watcher = threading.Thread(target=watch)
watcher.start()
start, used = time.perf_counter(), time.process_time()
digests = hash_files(folder, names)
images = [Image(name, None, folder, digests[name]) for name in names]
count = sum(1 for _ in run(map_images(lambda n, image: view_of_photo(image, "0" * 64, 0), images)))
seconds, used = time.perf_counter() - start, time.process_time() - used
ended.set()
watcher.join()
assert count == len(names)
print(json.dumps([seconds, used, most - begun]))
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--beside", type=Path, required=True, help="another checkout")
    parser.add_argument("--photos", type=positive, default=256, help="of 12 megapixels")
    args = parser.parse_args()

    rows = []
    for megapixels, size in SIZES.items():
        count = args.photos * 12 // megapixels
        with tempfile.TemporaryDirectory() as photos, tempfile.TemporaryDirectory() as cache:
            draw(Path(photos), size, count)
            before, now = (feature_pass(of, photos, cache) for of in (args.beside, ROOT))
        rows += [
            [f"{count} photos of {megapixels} megapixels, {what}", f"{one:.1f}", f"{other:.1f}",
             f"{one / other:.1f}"]
            for what, one, other in zip(("s", "s of CPU", "MB"), before, now, strict=True)
        ]  # fmt: skip
    print_table(["", "before", "now", "before / now"], rows)


def draw(folder: Path, size: tuple[int, int], count: int) -> None:
    """Write photos of shapes, texture and a sensor's noise."""
    random = np.random.default_rng(0)
    for number in range(DRAWN):
        coarse = cv2.resize(random.integers(0, 255, (30, 40, 3), np.uint8), size)
        fine = cv2.resize(random.integers(0, 60, (size[1] // 4, size[0] // 4, 3), np.uint8), size)
        noise = random.integers(0, 12, (size[1], size[0], 3), np.uint8)
        photo = cv2.add(cv2.add(cv2.convertScaleAbs(coarse, alpha=0.7), fine), noise)
        content = cv2.imencode(".jpg", photo, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes()
        for copy in range(number, count, DRAWN):
            (folder / f"{copy:04}.jpg").write_bytes(content + str(copy).encode())


def feature_pass(checkout: Path, photos: str, cache: str) -> list[float]:
    """Run a pass in a process of its own; return seconds, seconds of CPU, and megabytes."""
    command = [sys.executable, "-c", PASS, photos, cache]
    done = subprocess.run(command, cwd=checkout, stdout=subprocess.PIPE, text=True, check=True)
    return [float(value) for value in json.loads(done.stdout.splitlines()[-1])]


if __name__ == "__main__":
    main()
