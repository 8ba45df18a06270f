"""Inference engines: the same answers, in order, whichever runs."""

import importlib.util
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras
import numpy as np
import pytest

from activity.common.errors import UserError
from activity.network import engine as engine_module
from activity.network.engine import (
    EngineOptions,
    export,
    keras_engine,
    open_engine,
    openvino_engine,
)


@pytest.fixture(scope="module")
def network() -> keras.Model:
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(8, 3, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(5, activation="softmax"),
        ]
    )


def photos(number: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (number, 16, 16, 3), dtype=np.uint8)


def options(name: str, cache: Path | None = None) -> EngineOptions:
    return EngineOptions(name, batch_size=4, cache_folder=cache)


def opened(name: str, network: keras.Model, cache: Path | None = None, inputs: int | None = None):
    return open_engine(options(name, cache), lambda: network, key="key", inputs=inputs)


def never_load() -> keras.Model:
    raise AssertionError("the model was loaded although its export is there")


@pytest.mark.parametrize("name", ["keras", "openvino"])
@pytest.mark.parametrize("number", [0, 1, 4, 11])
def test_answers_are_those_of_the_model_in_order(
    name: str, number: int, network: keras.Model
) -> None:
    inputs = photos(number)
    answers = list(opened(name, network)((str(i), inputs[i]) for i in range(number)))
    assert [tag for tag, _ in answers] == [str(i) for i in range(number)]
    if number:
        expected = network.predict_on_batch(inputs.astype(np.float32))
        outputs = np.stack([output for _, output in answers])
        np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-6)


def test_low_latency_gives_the_same_answers(network: keras.Model, tmp_path: Path) -> None:
    opened("openvino", network, cache=tmp_path)
    export = tmp_path / "exports" / "key" / engine_module.EXPORT_NAME
    inputs = photos(5)
    one_by_one = openvino_engine(export, EngineOptions(low_latency=True))
    for (_, output), pixels in zip(
        openvino_engine(export, EngineOptions())(enumerate(inputs)), inputs, strict=True
    ):
        ((_, alone),) = one_by_one([(None, pixels)])
        np.testing.assert_allclose(alone, output, rtol=1e-4, atol=1e-6)


@pytest.mark.skipif(os.name != "posix", reason="there are no locks")
def test_of_several_who_want_an_export_at_once_one_makes_it(
    network: keras.Model, tmp_path: Path
) -> None:
    saved = []

    class Slow:
        def save(self, path: Path) -> None:
            saved.append(path)
            time.sleep(0.3)
            network.save(path)

    with ThreadPoolExecutor(4) as pool:
        paths = set(pool.map(lambda _: export(Slow(), tmp_path / "exports" / "key"), range(4)))
    assert len(saved) == 1
    assert paths == {tmp_path / "exports" / "key" / engine_module.EXPORT_NAME}
    assert next(iter(paths)).is_file()


def test_a_gpu_is_used_though_there_is_an_export(
    network: keras.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the run is long or short; OpenVINO runs on the CPU only where it is named."""
    opened("openvino", network, cache=tmp_path)
    monkeypatch.setattr(engine_module, "has_gpu", lambda: True)
    loaded = []

    def load() -> keras.Model:
        loaded.append(True)
        return network

    for inputs in (5, 5000, None):
        open_engine(options("auto", tmp_path), load, key="key", inputs=inputs)
    assert len(loaded) == 3
    open_engine(options("openvino", tmp_path), never_load, key="key", inputs=5)


@pytest.mark.parametrize("name", ["keras", "openvino"])
def test_an_error_in_the_stream_reaches_the_caller(name: str, network: keras.Model) -> None:
    def stream() -> Iterator[tuple[int, np.ndarray]]:
        for i in range(6):
            yield i, photos(1)[0]
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        list(opened(name, network)(stream()))


def test_an_export_serves_the_next_run_without_the_model(
    network: keras.Model, tmp_path: Path
) -> None:
    opened("openvino", network, cache=tmp_path)
    again = open_engine(options("auto", tmp_path), never_load, key="key", inputs=1)
    _, output = next(iter(again([("photo", photos(1)[0])])))
    expected = network.predict_on_batch(photos(1).astype(np.float32))[0]
    np.testing.assert_allclose(output, expected, rtol=1e-4, atol=1e-6)


def test_another_key_never_meets_that_export(network: keras.Model, tmp_path: Path) -> None:
    opened("openvino", network, cache=tmp_path)
    with pytest.raises(AssertionError, match="was loaded"):
        open_engine(options("openvino", tmp_path), never_load, key="other", inputs=1)


@pytest.mark.parametrize(("inputs", "exported"), [(5, False), (5000, True), (None, True)])
def test_auto_exports_where_the_work_pays_for_it(
    inputs: int | None, exported: bool, network: keras.Model, tmp_path: Path
) -> None:
    opened("auto", network, cache=tmp_path, inputs=inputs)
    assert (tmp_path / "exports" / "key").is_dir() == exported


def test_without_openvino_auto_takes_keras_and_openvino_says_so(
    network: keras.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "openvino" else find_spec(name)
    )
    engine = opened("auto", network, cache=tmp_path, inputs=5000)
    assert len(list(engine([(0, photos(1)[0])]))) == 1
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UserError, match="OpenVINO is not installed"):
        opened("openvino", network)


def test_a_damaged_export_is_made_anew(network: keras.Model, tmp_path: Path) -> None:
    opened("openvino", network, cache=tmp_path)
    for path in (tmp_path / "exports" / "key").iterdir():
        path.write_bytes(path.read_bytes()[:50])
    answers = list(opened("openvino", network, cache=tmp_path)([(0, photos(1)[0])]))
    assert answers[0][1].sum() == pytest.approx(1, abs=1e-5)


def test_exports_do_not_pile_up(network: keras.Model, tmp_path: Path) -> None:
    for age in range(engine_module._EXPORTS_KEPT + 1):
        (tmp_path / "exports" / f"{age} days old").mkdir(parents=True)
        os.utime(tmp_path / "exports" / f"{age} days old", times=(0, 1e9 - age * 86_400))
    opened("openvino", network, cache=tmp_path)
    kept = {path.name for path in (tmp_path / "exports").iterdir()}
    assert kept == {"key", *(f"{age} days old" for age in range(engine_module._EXPORTS_KEPT - 1))}


def test_keras_engine_reads_no_further_ahead_than_a_few_batches(network: keras.Model) -> None:
    taken = 0

    def stream() -> Iterator[tuple[int, np.ndarray]]:
        nonlocal taken
        for taken in range(1, 1000):
            yield taken, photos(1)[0]

    answers = keras_engine(network, batch_size=4)(stream())
    next(answers)
    answers.close()
    assert taken <= 4 * 5


def test_a_folder_that_cannot_be_made_does_not_stop_the_run(
    network: keras.Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    engine = opened("openvino", network, cache=tmp_path / "file" / "exports")
    assert len(list(engine([(0, photos(1)[0])]))) == 1
    assert "is not kept in" in capsys.readouterr().out
