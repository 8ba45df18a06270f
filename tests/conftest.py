"""What many tests need: drawn photos and clips, a tiny model, the scripts run as a person does."""

import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import cv2
import numpy as np
import pytest
from hypothesis import settings

import activity  # noqa: F401  # before Keras: scripts that tests run inherit what it sets

# Tests compare what Keras itself computes; the scripts that they start choose their backend.
PINNED = None if os.environ.get("KERAS_BACKEND") else "tensorflow"
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

# A slow machine is no failure; what must be quick is measured in benchmarks/.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

# They train models for a minute or two. Where several processes share the tests, they come first:
# none of them is left for one process at the end.
_LONGEST = ("test_train", "test_networks", "test_without_tensorflow", "test_backends")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.path.name.startswith(_LONGEST))


ROOT = Path(__file__).resolve().parent.parent
REAL_DATA = ROOT.parent / "shared" / "data"

posix = pytest.mark.skipif(
    os.name != "posix", reason="needs what Windows lacks: signals, links, pipes or limits of POSIX"
)

COLOURS_BGR = {"blue": (230, 40, 30), "green": (30, 230, 40), "red": (40, 30, 230)}
"""The three activities of the tests: each is a colour, so that even a tiny model can tell."""


class Trained(NamedTuple):
    """A model, its label binarizer, and a cache folder in which its export already lies."""

    model: Path
    label_bin: Path
    cache: Path


RunScript = Callable[..., subprocess.CompletedProcess[str]]
RunMain = Callable[..., str]


@pytest.fixture(autouse=True)
def shares_the_cores() -> Iterator[None]:
    """See to it that no test leaves its process with a real-time priority, as an encoder may."""
    yield
    if hasattr(os, "sched_getscheduler"):
        assert os.sched_getscheduler(0) == os.SCHED_OTHER, "call tests.clips.share_the_cores"


@pytest.fixture
def run_script() -> RunScript:
    """Run ``train.py`` or ``predict_video.py`` as a person does."""

    def run(
        script: str, *arguments: object, through: str | None = None, **options: object
    ) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(ROOT / script), *map(str, arguments)]
        if through is not None:  # a line of the shell that runs "$@"
            command = ["sh", "-c", through, "sh", *command]
        environment = dict(options.pop("env", os.environ))
        if environment.get("KERAS_BACKEND") == PINNED:
            environment.pop("KERAS_BACKEND", None)
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=240,
            cwd=ROOT,
            env=environment,
            **options,
        )

    return run


@pytest.fixture
def run_train(monkeypatch: pytest.MonkeyPatch) -> RunMain:
    """Run ``train.py`` in this process, which is quicker, and return what it printed."""
    import train

    return lambda *flags: _printed_by(train, flags, monkeypatch)


@pytest.fixture
def run_predict(monkeypatch: pytest.MonkeyPatch) -> RunMain:
    """Likewise ``predict_video.py``."""
    import predict_video

    return lambda *flags: _printed_by(predict_video, flags, monkeypatch)


def _printed_by(
    script: ModuleType, flags: Sequence[object], monkeypatch: pytest.MonkeyPatch
) -> str:
    monkeypatch.setattr(sys, "argv", [f"{script.__name__}.py", *map(str, flags)])
    printed = io.StringIO()
    with redirect_stdout(printed):
        script.main()
    return printed.getvalue()


_OPENED: list[str] | None = None


def _note_opened(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and _OPENED is not None and isinstance(arguments[0], str):
        _OPENED.append(Path(arguments[0]).name)


sys.addaudithook(_note_opened)


@pytest.fixture
def opened() -> Iterator[list[str]]:
    """Names of the files that Python opens; those that FFmpeg opens are looked at first."""
    global _OPENED
    _OPENED = []
    yield _OPENED
    _OPENED = None


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real photos and clips; tests that need it are skipped where it is absent."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"no real photos and clips at {REAL_DATA}")
    return REAL_DATA


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A tiny model that tells the three colours apart, saved as ``train.py`` saves one.

    It sees the mean colour of the photo only, so it costs next to nothing, but has the same
    input, preprocessing layer, output and files as a real one.
    """
    import keras
    from sklearn.preprocessing import LabelBinarizer

    from activity.network.artifacts import save_classifier
    from activity.network.backbone import PREPROCESSING, frozen_convolution
    from activity.network.classifier import Classifier
    from activity.network.engine import EngineOptions

    folder = tmp_path_factory.mktemp("trained")
    trained = Trained(folder / "activity.model", folder / "lb.pickle", folder / "cache")
    pixels = keras.Input((224, 224, 3), name="pixels")
    scale = frozen_convolution(
        PREPROCESSING, np.eye(3, dtype=np.float32) / 50, np.zeros(3, np.float32)
    )
    mean_colour = keras.layers.Flatten()(keras.layers.AveragePooling2D((224, 224))(scale(pixels)))
    probabilities = keras.layers.Dense(3, activation="softmax")
    model = keras.Model(pixels, probabilities(mean_colour))
    # Columns in the order of the labels: blue, green, red; rows in that of RGB.
    probabilities.set_weights([np.eye(3, dtype=np.float32)[::-1], np.zeros(3, np.float32)])
    save_classifier(
        model,
        LabelBinarizer().fit(sorted(COLOURS_BGR)),
        known_confidence=np.linspace(0.7, 0.95, 26).tolist(),
        model_path=trained.model,
        label_bin_path=trained.label_bin,
    )
    # Leaves an export in the cache: the scripts then start without TensorFlow, in a second.
    classifier = Classifier.load(trained.model, trained.label_bin)
    classifier.open(EngineOptions("openvino", cache_folder=trained.cache))
    return trained


def decode_photo(content: bytes) -> np.ndarray | None:
    """Decode an image file's bytes as a network of 224 pixels sees them; None if they cannot be.

    Returns:
        RGB, uint8, shape (224, 224, 3).
    """
    from activity.media.frame import Frame
    from activity.media.photo import decode_image

    image = decode_image(content)
    return None if image is None else Frame(image).network_input()


def draw_photo(colour: str, random: np.random.Generator) -> np.ndarray:
    """A noisy BGR photo, about 90x120, mostly of one colour."""
    height, width = random.integers(80, 100), random.integers(110, 130)
    noise = random.normal(0, 40, (height, width, 3))
    return np.clip(np.array(COLOURS_BGR[colour]) + noise, 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def photo_folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of 12 photos in each of the folders blue, green and red. Do not change it."""
    dataset = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(0)
    for colour in COLOURS_BGR:
        (dataset / colour).mkdir()
        for number in range(12):
            photo = draw_photo(colour, random)
            cv2.imwrite(str(dataset / colour / f"{number:03}.jpg"), photo)
    return dataset


def write_clip(
    path: Path, colours: list[str], *, size: tuple[int, int] = (160, 120), fps: float = 30
) -> Path:
    """Write a clip with one frame for each colour named; ``size`` is (width, height)."""
    codec = "MJPG" if path.suffix == ".avi" else "mp4v"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), fps, size)
    assert writer.isOpened()
    for number, colour in enumerate(colours):
        frame = np.full((size[1], size[0], 3), COLOURS_BGR[colour], np.uint8)
        # A bar that moves, so that no two frames are the same.
        frame[:, number % size[0]] = 255
        writer.write(frame)
    writer.release()
    return path


def write_halves(
    path: Path, colours: list[tuple[str, str]], *, size: tuple[int, int] = (160, 96)
) -> Path:
    """Write a clip at 30 frames/s whose left and right half have a colour each, frame by frame."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 30, size)
    assert writer.isOpened()
    for number, (left, right) in enumerate(colours):
        frame = np.full((size[1], size[0], 3), COLOURS_BGR[left], np.uint8)
        frame[:, size[0] // 2 :] = COLOURS_BGR[right]
        frame[number % size[1]] = 255
        writer.write(frame)
    writer.release()
    return path


@pytest.fixture
def flickering_clip(tmp_path: Path) -> Path:
    """120 frames of red with 3 of green at frame 40 and 2 of blue at frame 80."""
    colours = ["red"] * 120
    colours[40:43] = ["green"] * 3
    colours[80:82] = ["blue"] * 2
    return write_clip(tmp_path / "flickering.mp4", colours)
