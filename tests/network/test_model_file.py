"""Model files: nothing in one is run, nothing beside it is read, and it cannot take the machine."""

import base64
import io
import json
import marshal
import os
import signal
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activity.common.errors import UserError
from activity.network import model_file
from activity.network.artifacts import load_label_file, load_model, save_classifier
from activity.network.model_file import HDF5, ZIP, check_model_file, in_own_process
from tests.conftest import ROOT, Trained, posix

if os.name == "posix":
    import resource

LEGACY = ROOT / "tests/data/legacy_models/keras-2.2.4.model"


@pytest.fixture(scope="session")
def model_bytes(trained: Trained) -> bytes:
    return trained.model.read_bytes()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "activity.model"


def change_zip(content: bytes, name: str, change: Callable[[bytes], bytes]) -> bytes:
    """Rewrite one member of a Keras zip file."""
    changed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(changed, "w") as new,
    ):
        for member in old.namelist():
            data = old.read(member)
            new.writestr(member, change(data) if member == name else data)
    return changed.getvalue()


def with_layer(layer: dict) -> Callable[[bytes], bytes]:
    """Put a layer in the place of the model's last one."""

    def change(text: bytes) -> bytes:
        config = json.loads(text)
        last = config["config"]["layers"][-1]
        config["config"]["layers"][-1] = {**layer, "inbound_nodes": last["inbound_nodes"]}
        config["config"]["layers"][-1].setdefault("name", last["name"])
        return json.dumps(config).encode()

    return change


def unsafe_layers(marker: Path) -> dict[str, dict]:
    """Ways published to make Keras run code, or read or fetch files, as it opens a model."""
    name = str(marker)
    # What Keras itself writes for Lambda(lambda x: ...).
    code = compile(f"open({name!r}, 'w')", "<lambda>", "eval")
    bytecode = base64.b64encode(marshal.dumps(code)).decode()
    touch = {"args": [f"touch '{name}'"], "kwargs": {}}

    def layer(module: str, class_name: str, /, **config: object) -> dict:
        return {"module": module, "class_name": class_name, "config": {"name": "x", **config}}

    of_lambda = {"class_name": "__lambda__", "config": {"code": bytecode}}
    function = {"module": "os", "class_name": "function", "config": "system"}
    return {
        "Lambda": layer("keras.layers", "Lambda", function=of_lambda, arguments=touch),
        "Lambda of Keras 2": layer("keras.layers", "Lambda", function=[bytecode, None, None]),
        "Lambda inside another layer": layer(
            "keras.layers",
            "TimeDistributed",
            layer=layer("keras.layers", "Lambda", function=of_lambda),
        ),
        "Lambda as an activation": layer(
            "keras.layers", "Activation", activation=layer("keras.layers", "Lambda")
        ),
        "a function as a layer": layer("os", "system", command=f"touch '{name}'"),
        "a function as an activation": layer("keras.layers", "Activation", activation=function),
        "get_file": layer("keras.utils", "get_file", fname=name, origin="file:///etc/hosts"),
        "enable_unsafe_deserialization": layer("keras.config", "enable_unsafe_deserialization"),
        "TorchModuleWrapper": layer("keras.layers", "TorchModuleWrapper", module=bytecode),
        "TFSMLayer": layer("keras.layers", "TFSMLayer", filepath=str(marker.parent)),
        "StringLookup": layer("keras.layers", "StringLookup", vocabulary="/etc/hosts"),
        "TextVectorization": layer("keras.layers", "TextVectorization", vocabulary="/etc/hosts"),
        "a registered name": {
            **layer("", "Dense"), "module": "subprocess", "registered_name": "Custom>run"
        },
        "a class that is a list": layer("keras.layers", ["Dense"]),
        "a module that is a list": layer(["keras", "layers"], "Dense"),
        "a module named like Keras": layer("keras_evil.layers", "Dense"),
    }  # fmt: skip


@pytest.mark.parametrize("way", unsafe_layers(Path("x")))
def test_no_unsafe_layer_is_built_from_a_zip_file(way: str, path: Path, model_bytes: bytes) -> None:
    marker = path.with_name("marker")
    path.write_bytes(change_zip(model_bytes, "config.json", with_layer(unsafe_layers(marker)[way])))
    with pytest.raises(UserError, match=r"cannot load the model .*not allowed.*--model"):
        load_model(path)
    assert not marker.exists()


@pytest.mark.parametrize("way", unsafe_layers(Path("x")))
def test_no_unsafe_layer_is_built_from_hdf5(way: str, path: Path) -> None:
    marker = path.with_name("marker")
    path.write_bytes(LEGACY.read_bytes())
    with h5py.File(path, "r+") as file:
        change = with_layer(unsafe_layers(marker)[way])
        file.attrs["model_config"] = change(file.attrs["model_config"].encode())
    with pytest.raises(UserError, match=r"cannot load the model .*not allowed.*--model"):
        load_model(path)
    assert not marker.exists()


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_a_lambda_layer_that_keras_saved_is_refused(suffix: str, path: Path) -> None:
    pixels = keras.Input((224, 224, 3))
    model = keras.Model(pixels, keras.layers.Lambda(lambda x: x)(pixels))
    named = path.with_suffix(suffix)
    model.save(named)
    named.rename(path)
    with pytest.raises(UserError, match=r"Lambda.*not allowed"):
        load_model(path)


def members(path: Path, *more: tuple[str, bytes], compress: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, "a", compression=compress) as archive:
        for name, data in more:
            archive.writestr(name, data)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ["../climbed", "/tmp/climbed", "assets/../../x", "config.json"])
def test_a_zip_file_with_other_members_is_refused(
    name: str, path: Path, model_bytes: bytes
) -> None:
    path.write_bytes(model_bytes)
    members(path, (name, b"{}"))
    before = sorted(path.parent.rglob("*"))
    with pytest.raises(UserError, match=r"which no model of train.py needs|unpacks to more"):
        load_model(path)
    assert sorted(path.parent.rglob("*")) == before


def test_a_zip_bomb_is_refused_before_it_is_unpacked(path: Path) -> None:
    members(path, ("config.json", b" " * 50_000_000), compress=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 100_000
    with pytest.raises(UserError, match="unpacks to more than its own size"):
        load_model(path)


def test_a_config_nested_without_end_is_refused(path: Path) -> None:
    members(path, ("config.json", b'{"a":' + b"[" * 500_000))
    with pytest.raises(UserError, match="damaged"):
        load_model(path)


def claims_a_petabyte(file: h5py.File) -> None:
    file.create_dataset("bomb", (2**50,), "u1", chunks=(2**20,))


def lies_elsewhere(file: h5py.File) -> None:
    file.create_dataset("elsewhere", (100,), "u1", external=[("/etc/passwd", 0, 100)])


def is_virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((10,), "u1")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (10,))
    file.create_virtual_dataset("elsewhere", layout)


def links_elsewhere(file: h5py.File) -> None:
    file["elsewhere"] = h5py.ExternalLink("/tmp/other.h5", "/")


def links_softly(file: h5py.File) -> None:
    file.create_group("deep")["elsewhere"] = h5py.SoftLink("/model_weights")


TRAPS = [claims_a_petabyte, lies_elsewhere, is_virtual, links_elsewhere, links_softly]


@pytest.mark.parametrize("trap", TRAPS)
@pytest.mark.parametrize("model_format", [ZIP, HDF5])
def test_weights_that_are_not_in_the_file_are_refused(
    trap: Callable[[h5py.File], None], model_format: str, path: Path, model_bytes: bytes
) -> None:
    def spring(content: bytes) -> bytes:
        buffer = io.BytesIO(content)
        with h5py.File(buffer, "r+") as file:
            trap(file)
        return buffer.getvalue()

    if model_format == HDF5:
        path.write_bytes(spring(LEGACY.read_bytes()))
    else:
        path.write_bytes(change_zip(model_bytes, "model.weights.h5", spring))
    with pytest.raises(UserError, match=r"another place|another file|more weights than"):
        load_model(path)


def test_a_group_that_holds_itself_ends(path: Path) -> None:
    path.write_bytes(LEGACY.read_bytes())
    with h5py.File(path, "r+") as file:
        circle = file.create_group("circle")
        circle["again"] = circle
    assert check_model_file(path) == HDF5


@pytest.mark.parametrize("content", [b"", b"text", b"PK", b"PK\x03\x04", b"\x89HDF\r\n\x1a\n"])
def test_what_is_no_model_is_named(content: bytes, path: Path) -> None:
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"cannot load the model .*; give --model"):
        load_model(path)


@pytest.mark.parametrize("legacy", [False, True])
def test_a_model_cut_anywhere_is_refused(legacy: bool, path: Path, model_bytes: bytes) -> None:
    content = LEGACY.read_bytes() if legacy else model_bytes
    for end in range(1, len(content), len(content) // 10):
        path.write_bytes(content[:end])
        with pytest.raises(ValueError, match=r"^it is"):
            in_own_process(check_model_file, path)


def test_a_file_on_which_hdf5_never_returns_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found by fuzzing: some bytes of a saved model, changed."""
    monkeypatch.setattr(model_file, "_TIMEOUT", 3)
    with pytest.raises(UserError, match="damaged"):
        load_model(LEGACY.parents[1] / "hangs_hdf5.model")


def test_a_file_on_which_hdf5_crashes_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crash = path.with_name("crash.py")
    crash.write_text("import os; os.abort()")
    path.write_bytes(b"PK")
    monkeypatch.setattr(model_file, "__file__", str(crash))
    with pytest.raises(UserError, match="damaged"):
        load_model(path)


def test_missing_files_folders_and_files_swapped_are_named(
    tmp_path: Path, trained: Trained
) -> None:
    for load in (load_model, load_label_file):
        for missing in (tmp_path / "missing", tmp_path, tmp_path / ("n" * 5000)):
            with pytest.raises(UserError, match="cannot read the"):
                load(missing)
    with pytest.raises(UserError, match="neither a Keras zip file nor HDF5"):
        load_model(trained.label_bin)
    with pytest.raises(UserError, match="not a label binarizer"):
        load_label_file(trained.model)


def test_what_train_py_saves_is_let_through(trained: Trained, tmp_path: Path) -> None:
    from sklearn.preprocessing import LabelBinarizer

    model = load_model(trained.model)
    labels = tmp_path / "lb.pickle"
    for name, expected in (("m.h5", HDF5), ("m.HDF5", HDF5), ("m.model", ZIP), ("m", ZIP)):
        binarizer = LabelBinarizer().fit(["a", "b"])
        save_classifier(model, binarizer, model_path=tmp_path / name, label_bin_path=labels)
        assert check_model_file(tmp_path / name) == expected
        again = load_model(tmp_path / name)
        for mine, theirs in zip(again.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_array_equal(mine, theirs)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "lb.pickle", "m", "m.HDF5", "m.h5", "m.model"
    ]  # fmt: skip


@posix
@pytest.mark.parametrize("name", ["activity.model", "activity.h5"])
def test_a_disk_that_fills_up_leaves_the_earlier_model(name: str, tmp_path: Path) -> None:
    from sklearn.preprocessing import LabelBinarizer

    pixels = keras.Input((224, 224, 3))
    model = keras.Model(pixels, keras.layers.Conv2D(1000, 1)(pixels))
    binarizer = LabelBinarizer().fit(["a", "b"])
    paths = [tmp_path / name, tmp_path / "lb.pickle"]
    for path in paths:
        path.write_text("good")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
    try:
        with pytest.raises(UserError, match=r"cannot write .*: File too large; .*unchanged"):
            save_classifier(model, binarizer, model_path=paths[0], label_bin_path=paths[1])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        name: "good", "lb.pickle": "good"
    }  # fmt: skip


# The same inputs every time: on one of some thousands HDF5 never returns.
@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.booleans(),
    st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=6)), min_size=1, max_size=4),
)
def test_whatever_bytes_are_changed_a_format_comes_out_or_an_exception(
    tmp_path_factory: pytest.TempPathFactory,
    model_bytes: bytes,
    legacy: bool,
    changes: list[tuple[float, bytes]],
) -> None:
    content = LEGACY.read_bytes() if legacy else model_bytes
    for share, new in changes:
        place = int(share * len(content))
        content = content[:place] + new + content[place + len(new) :]
    path = tmp_path_factory.getbasetemp() / "fuzzed.model"
    path.write_bytes(content)
    try:
        found = check_model_file(path)
    except Exception:  # of which ``in_own_process`` makes a ValueError, whatever it is
        return
    assert found in (ZIP, HDF5)
