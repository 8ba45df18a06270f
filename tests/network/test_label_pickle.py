"""Label binarizers: real ones of every scikit-learn are read, and no file gets code run."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import LabelBinarizer

from activity.common.errors import UserError
from activity.network.artifacts import load_label_file
from activity.network.classifier import Classifier
from activity.network.imagenet_names import NAMES
from activity.network.label_pickle import MOST_BYTES, as_pickled, read_labels
from activity.network.profiles import Likeness
from activity.network.unknown import UNSURE
from activity.temporal.learned import LearnedSpan
from tests.conftest import ROOT, Trained, posix

if os.name == "posix":
    import resource

REAL = sorted((ROOT / "tests/data/label_binarizers").glob("*.pickle"))
EXPECTED = {"ints": ["1", "2", "3"], "scripts": ["футбол", "网球"]}
TODAY = pickle.dumps(LabelBinarizer().fit(["weight_lifting", "tennis", "football"]))


def op(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def call(function: bytes, *arguments: bytes) -> bytes:
    return function + b"(" + b"".join(arguments) + b"tR"


def text(value: str) -> bytes:
    return b"X" + len(value.encode()).to_bytes(4, "little") + value.encode()


def attacks(marker: Path) -> dict[str, bytes]:
    """Ways published to run code from a pickle; each would make ``marker``."""
    touch = f"touch '{marker}'"
    code = f"open({str(marker)!r}, 'w')"
    python = text(code)
    opened = text(str(marker)) + text("w")
    getattr_ = op("builtins", "getattr")
    partial = call(op("functools", "partial"), op("builtins", "open"), opened)
    array = op("numpy.core.multiarray", "_reconstruct")
    empty_array = call(array, op("numpy", "ndarray"), b"K\x00\x85", b"C\x01b")
    object_dtype = call(op("numpy", "dtype"), text("O"), b"K\x00", b"K\x01")
    bare = b"\x80\x04"
    pickled = op("os", "system") + text(touch) + b"\x85R."
    length = len(pickled).to_bytes(4, "little")
    helper = op("numpy.testing._private.utils", "runstring")
    return {
        "os.system": op("os", "system") + text(touch) + b"\x85R.",
        "posix.system": op("posix", "system") + text(touch) + b"\x85R.",
        "nt.system": op("nt", "system") + text(touch) + b"\x85R.",
        "subprocess.Popen": call(op("subprocess", "check_output"), text(touch), b"I-1\n") + b".",
        "builtins.exec": call(op("builtins", "exec"), python) + b".",
        "builtins.eval": call(op("builtins", "eval"), python) + b".",
        "Python 2's __builtin__": call(op("__builtin__", "eval"), python) + b".",
        "builtins.open": call(op("builtins", "open"), opened) + b".",
        "__import__ and getattr": call(
            call(getattr_, call(op("builtins", "__import__"), text("os")), text("system")),
            text(touch),
        )
        + b".",
        "operator.methodcaller": call(
            call(op("operator", "methodcaller"), text("system"), text(touch)),
            call(op("builtins", "__import__"), text("os")),
        )
        + b".",
        "operator.attrgetter": call(
            call(
                call(op("operator", "attrgetter"), text("system")),
                call(op("builtins", "__import__"), text("os")),
            ),
            text(touch),
        )
        + b".",
        "functools.partial": call(partial) + b".",
        "functools.reduce": call(
            op("functools", "reduce"), op("os", "system"), b"](" + text(touch) + b"e"
        )
        + b".",
        "map, run by a list": call(
            op("builtins", "list"),
            call(op("builtins", "map"), op("os", "system"), b"](" + text(touch) + b"e"),
        )
        + b".",
        "INST": b"(" + text(touch) + b"ios\nsystem\n.",
        "OBJ": b"(" + op("os", "system") + text(touch) + b"o.",
        "NEWOBJ_EX": op("subprocess", "Popen") + text(touch) + b"\x85}\x92.",
        "extension registry": b"\x80\x02\x82\x01" + text(touch) + b"\x85R.",
        "persistent id": b"P" + touch.encode() + b"\n.",
        "a dotted name": bare
        + text("sklearn.preprocessing._label")
        + text("LabelBinarizer.fit.__globals__")
        + b"\x93.",
        "os by a dotted name": bare
        + text("numpy") + text("os.system") + b"\x93" + text(touch) + b"\x85R.",
        "an array of objects": empty_array
        + b"(K\x01K\x01\x85"
        + object_dtype
        + b"\x89](" + op("os", "system") + text(touch) + b"\x85Ret" + b"b.",
        "numpy's scalar": call(
            op("numpy.core.multiarray", "scalar"),
            object_dtype,
            call(op("_codecs", "encode"), text(pickled.decode("latin-1")), text("latin1")),
        )
        + b".",
        "numpy.load": call(op("numpy", "load"), text(str(marker)), b"N", b"\x88") + b".",
        "numpy's exec helper": call(helper, python, b"}") + b".",
        "another estimator": b"\x80\x04" + op("sklearn.pipeline", "Pipeline") + b")\x81}b.",
        "joblib": call(op("joblib", "load"), text(str(marker))) + b".",
        "pickle in a pickle": call(op("pickle", "loads"), b"B" + length + pickled) + b".",
        "an import that does something": op("this", "s") + b".",
        "copyreg": call(op("copyreg", "add_extension"), text("os"), text("system"), b"N") + b".",
        "pip": call(op("pip", "main"), b"](" + text("install") + text("evil") + b"e") + b".",
        "changing an allowed class": op("sklearn.preprocessing._label", "LabelBinarizer")
        + b"N}(" + text("__init__") + text("broken") + b"u\x86b.",
    }  # fmt: skip


def bombs() -> dict[str, bytes]:
    """Small files that would take memory or time without end."""
    array = op("numpy.core.multiarray", "_reconstruct") + op("numpy", "ndarray")
    return {
        "a memo of two billion places": b"Nr\xff\xff\xff\x7f.",
        "bytes of 2**62": b"\x8e" + (2**62).to_bytes(8, "little") + b"x.",
        "a bytearray of 2**62": b"\x96" + (2**62).to_bytes(8, "little") + b"x.",
        "a frame of 2**62": b"\x80\x04\x95" + (2**62).to_bytes(8, "little") + b"N.",
        "an array of 2**31": array + b"J\xff\xff\xff\x7f\x85C\x01b\x87R.",
        "names of 2**33 zeros": TODAY.replace(
            TODAY[TODAY.index(b"C\xa8") :][: 2 + 168], b"\x8a\x05" + (2**33).to_bytes(5, "little")
        ),
        "an item of 2**30": call(op("numpy", "dtype"), text("V1073741824"), b"\x89\x88") + b".",
        "tuples nested 90,000 deep": b"N" + b"\x85" * 90_000 + b".",
        "a key nested 90,000 deep": b"}N" + b"\x85" * 90_000 + b"Ns.",
        "a number of 5,000,000 digits": b"I" + b"9" * 5_000_000 + b"\n.",
        "operations without end": b"N" * 5_000_000 + b".",
        "objects nested 24,000 deep": op("numpy", "dtype") + b"q\x00" + b"h\x00)R" * 24_000
        + b"b" * 23_999 + b".",
        "lists nested 49,000 deep": b"]" * 49_000 + b"a" * 48_999 + b".",
        "99,000 classes": op("numpy", "dtype") * 99_000 + b".",
        "a list that doubles": b"](" + b"NN" + b"e" + b"2" * 50_000 + b".",
        "a file too large": b"N" * (MOST_BYTES + 1),
    }  # fmt: skip


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_real_binarizers_are_read(path: Path) -> None:
    expected = EXPECTED.get(path.name.split("-")[0], ["football", "tennis", "weight_lifting"])
    assert load_label_file(path).classes == expected


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("dtype", ["U", "S", "O", "i2", ">i8", ">U9"])
def test_todays_binarizers_are_read(protocol: int, dtype: str) -> None:
    names = [b"a", b"b", b"c"] if dtype == "S" else ["1", "2", "3"]
    binarizer = LabelBinarizer().fit(["a", "b", "c"])
    binarizer.classes_ = np.array(names).astype(dtype)
    expected = ["a", "b", "c"] if dtype == "S" else names
    assert read_labels(pickle.dumps(binarizer, protocol)).classes == expected


def test_names_in_any_script_and_thousands_of_them_are_read() -> None:
    names = sorted({f"网球 'x'\n{number}" for number in range(9000)} | {"\udcff", "--help"})
    for dtype in ("U", "O"):
        binarizer = LabelBinarizer().fit(["a", "b"])
        binarizer.classes_ = np.array(names, dtype)
        if dtype == "O":
            binarizer.classes_ = binarizer.classes_[binarizer.classes_ != "\udcff"]
        assert read_labels(pickle.dumps(binarizer)).classes == binarizer.classes_.tolist()


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_what_was_trained_before_framings_were_written_sees_frames_squashed(path: Path) -> None:
    assert load_label_file(path).framing == "squashed"


@pytest.mark.parametrize("framing", ["centre", "squashed"])
def test_the_framing_is_read(framing: str, tmp_path: Path) -> None:
    binarizer = LabelBinarizer().fit(["a", "b", "c"])
    binarizer.framing_ = framing
    (tmp_path / "lb.pickle").write_bytes(pickle.dumps(binarizer))
    labels = load_label_file(tmp_path / "lb.pickle")
    assert (labels.framing, labels.classes) == (framing, ["a", "b", "c"])


@pytest.mark.parametrize("framing", ["round", 3, None, ["centre"], {}, np.array(["centre"])])
def test_a_framing_that_nobody_knows_is_refused(framing: object, tmp_path: Path) -> None:
    binarizer = LabelBinarizer().fit(["a", "b"])
    binarizer.framing_ = framing
    (tmp_path / "lb.pickle").write_bytes(pickle.dumps(binarizer))
    with pytest.raises(UserError, match="framing_ is none that is known"):
        load_label_file(tmp_path / "lb.pickle")


@pytest.mark.parametrize("way", attacks(Path("x")))
def test_no_published_way_to_run_code_does(way: str, tmp_path: Path) -> None:
    marker, path = tmp_path / "marker", tmp_path / "lb.pickle"
    path.write_bytes(attacks(marker)[way])
    why = "damaged" if way == "changing an allowed class" else "(asks for|uses) "
    with pytest.raises(UserError, match=rf"it .*{why}.*; give --label-bin") as raised:
        load_label_file(path)
    assert not marker.exists()
    assert "\n" not in str(raised.value)
    assert not hasattr(LabelBinarizer.__init__, "broken")
    assert read_labels(TODAY).classes == ["football", "tennis", "weight_lifting"]


def test_the_attacks_are_real(tmp_path: Path) -> None:
    """What is refused above does run under ``pickle``, so that the marker means something."""
    for way in ("posix.system", "builtins.exec", "__import__ and getattr", "functools.partial"):
        marker = tmp_path / way
        pickle.loads(attacks(marker)[way])
        assert marker.exists()


@pytest.mark.parametrize("bomb", bombs())
def test_bombs_are_refused(bomb: str) -> None:
    why = {
        "operations without end": "too many operations",
        "a file too large": "too large",
        "a key nested 90,000 deep": "too many tuples",
    }
    with pytest.raises(ValueError, match=why.get(bomb, r"^it ")):
        read_labels(bombs()[bomb])


@posix
def test_bombs_take_neither_memory_nor_time(tmp_path: Path) -> None:
    for number, content in enumerate(bombs().values()):
        (tmp_path / f"{number}.pickle").write_bytes(content)
    script = """
import sys
from pathlib import Path
from activity.network.label_pickle import read_labels
from tests.conftest import ROOT, posix
for path in Path(sys.argv[1]).iterdir():
    try:
        read_labels(path.read_bytes())
    except ValueError:
        continue
    sys.exit(f"{path} was read")
"""
    limit = 700 * 2**20  # of address space; Python and NumPy alone take half of it
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        env={"OPENBLAS_NUM_THREADS": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    assert (done.returncode, done.stderr) == (0, "")


def damaged() -> dict[str, bytes]:
    def with_classes(classes: object) -> bytes:
        binarizer = LabelBinarizer()
        binarizer.classes_ = classes
        return pickle.dumps(binarizer)

    return {
        "empty": b"",
        "text": b"hello",
        "nothing but STOP": b".",
        "a dictionary": pickle.dumps({"classes_": ["a", "b"]}),
        "never fitted": pickle.dumps(LabelBinarizer()),
        "a table": with_classes(np.array([["a"], ["b"]])),
        "a list": with_classes(["a", "b"]),
        "numbers with a point": with_classes(np.array([1.0, 2.0])),
        "a name twice": with_classes(np.array(["a", "b", "a"])),
        "one name": with_classes(np.array(["a"])),
        "no name": with_classes(np.array([], "U1")),
        "objects": with_classes(np.array([None, {}], object)),
        "not Unicode": TODAY.replace("w".encode("utf-32-le"), b"\xff\xff\xff\x7f", 1),
        "not UTF-8": with_classes(np.array([b"\xff", b"\xfe"])),
        "a model": b"PK\x03\x04" + bytes(100),
        **{f"cut at {end}": TODAY[:end] for end in range(1, len(TODAY), 37)},
    }


@pytest.mark.parametrize("what", damaged())
def test_damaged_and_foreign_files_end_in_a_clear_line(what: str, tmp_path: Path) -> None:
    path = tmp_path / "lb.pickle"
    path.write_bytes(damaged()[what])
    with pytest.raises(UserError, match="--label-bin"):
        load_label_file(path)


# What fuzzing found in earlier versions of the reader: each once raised something else.
FOUND = [
    # A letter that Unicode does not have: NumPy raises SystemError, or makes a broken string.
    TODAY.replace("g".encode("utf-32-le"), b"\xff\xff\xff\x7f"),
    TODAY.replace("g".encode("utf-32-le"), b"g\0\xc0\0"),
]


@pytest.mark.parametrize("content", FOUND)
def test_what_fuzzing_found(content: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_labels(content)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([path.read_bytes() for path in REAL]),
    st.lists(st.tuples(st.integers(0, 1000), st.binary(max_size=9), st.integers(0, 9)), max_size=4),
)
def test_whatever_bytes_are_changed_names_come_out_or_a_value_error(
    content: bytes, changes: list[tuple[int, bytes, int]]
) -> None:
    for place, new, removed in changes:
        content = content[:place] + new + content[place + removed :]
    try:
        names = read_labels(content).classes
    except ValueError:
        return
    assert len(names) == len(set(names))
    assert all(isinstance(name, str) for name in names)


def binarizer_with(known: object) -> LabelBinarizer:
    binarizer = LabelBinarizer().fit(["football", "tennis"])
    binarizer.known_confidence_ = known
    return binarizer


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_known_confidence_is_read_and_other_programs_do_not_mind_it(protocol: int) -> None:
    known = [0.5, 0.75, 0.9999999, 1.0]
    content = pickle.dumps(binarizer_with(known), protocol)
    labels = read_labels(content)
    assert (labels.known_confidence, labels.classes) == (known, ["football", "tennis"])
    assert pickle.loads(content).transform(["tennis"]).tolist() == [[1]]


def test_what_counts_as_unsure_is_read_and_checked() -> None:
    binarizer = binarizer_with([0.5])
    assert read_labels(pickle.dumps(binarizer)).unsure == UNSURE
    binarizer.unsure_ = 0.1
    assert read_labels(pickle.dumps(binarizer)).unsure == 0.1
    for wrong in (0.0, -0.1, 1.5, float("nan"), "0.1", [0.1], 1):
        binarizer.unsure_ = wrong
        with pytest.raises(ValueError, match="its unsure_ is not a number above 0, up to 1"):
            read_labels(pickle.dumps(binarizer))


def test_what_was_learned_from_is_read_and_checked() -> None:
    binarizer = LabelBinarizer().fit(["football", "tennis"])
    assert read_labels(pickle.dumps(binarizer)).learned is None
    for text, stretches in {
        "": (),
        f"{'0' * 64} 0 2.5\n": (LearnedSpan("0" * 64, 0, 2.5),),
    }.items():
        binarizer.learned_ = text
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            assert read_labels(pickle.dumps(binarizer, protocol)).learned == stretches
    for wrong in ("tennis", "00 0 1", f"{'0' * 64} 2 1", 0.5, ["0 0 1"], b""):
        binarizer.learned_ = wrong
        with pytest.raises(ValueError, match=r"its learned_ (is not text|does not list stretches)"):
            read_labels(pickle.dumps(binarizer))


def test_files_without_known_confidence_name_the_way_out(tmp_path: Path, trained: Trained) -> None:
    for path in REAL:
        assert read_labels(path.read_bytes()).known_confidence == []
    (tmp_path / "lb.pickle").write_bytes(TODAY)
    with pytest.raises(UserError, match=r"--unknown needs: train it again with train\.py"):
        Classifier.load(trained.model, tmp_path / "lb.pickle").with_unknown()
    with pytest.raises(UserError, match="cannot read the label binarizer"):
        Classifier.load(trained.model, tmp_path / "missing.pickle")


def likeness(labels: int = 2) -> Likeness:
    random = np.random.default_rng(0)
    classifier = random.normal(size=(5, NAMES)).astype(np.float16)
    profiles = random.dirichlet(np.ones(NAMES), (labels, 3)).astype(np.float16)
    return Likeness(classifier, profiles, (0.25, 0.5))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_likeness_is_read_and_other_programs_do_not_mind_it(protocol: int) -> None:
    binarizer = binarizer_with([0.5])
    assert read_labels(pickle.dumps(binarizer, protocol)).likeness is None
    written = likeness()
    binarizer.likeness_ = as_pickled(written)
    if protocol < 3:  # Python 2 has no bytes; nothing writes them so
        with pytest.raises(ValueError, match=r"likeness_|label binarizer"):
            read_labels(pickle.dumps(binarizer, protocol))
        return
    content = pickle.dumps(binarizer, protocol)
    found = read_labels(content).likeness
    assert found is not None
    np.testing.assert_array_equal(found.classifier, written.classifier)
    np.testing.assert_array_equal(found.profiles, written.profiles)
    assert found.known == (0.25, 0.5)
    assert pickle.loads(content).transform(["tennis"]).tolist() == [[1]]


def test_likeness_that_is_none_is_refused() -> None:
    good = as_pickled(likeness())
    wrong = [
        *(b"", [], 1.0, {}, {"classifier": good["classifier"]}),
        good | {"classifier": b""},
        good | {"classifier": good["classifier"][:2000]},
        good | {"classifier": good["classifier"][:-1]},
        good | {"classifier": "text"},
        good | {"classifier": b"\xff" * len(good["classifier"])},
        good | {"profiles": good["profiles"][:-2000]},
        good | {"profiles": b"\xbc" * len(good["profiles"])},
        good | {"known": []},
        good | {"known": [0.5, 0.25]},
        good | {"known": [float("nan")]},
        {name: value for name, value in good.items() if name != "known"},
    ]
    for kept in wrong:
        binarizer = binarizer_with([0.5])
        binarizer.likeness_ = kept
        with pytest.raises(ValueError, match="its likeness_ "):
            read_labels(pickle.dumps(binarizer))


@pytest.mark.parametrize(
    "known",
    [
        *([], [0.5, 0.4], [-0.1, 0.5], [0.5, 1.1], [float("nan")], [0.5, float("inf")]),
        *([1], [True], ["0.5"], [[0.5]], "0.5", 0.5, {"0.5": 0.5}, (0.5,)),
    ],
    ids=repr,
)
def test_known_confidence_that_is_none_is_refused(known: object) -> None:
    with pytest.raises(ValueError, match="its known_confidence_ is"):
        read_labels(pickle.dumps(binarizer_with(known)))


def test_what_is_in_a_binarizer_is_refused_in_anything_else() -> None:
    content = pickle.dumps(LabelBinarizer().fit(["football", "tennis"]), protocol=0)
    binarizer, other = op("sklearn.preprocessing._label", "LabelBinarizer"), op("numpy", "ndarray")
    assert content.count(binarizer) == 1
    with pytest.raises(ValueError, match="something other than a label binarizer"):
        read_labels(content.replace(binarizer, other))


def test_known_confidence_of_another_object_is_refused() -> None:
    with pytest.raises(ValueError, match="something other than a label binarizer"):
        read_labels(pickle.dumps({"known_confidence_": [0.5]}))


@given(place=st.integers(0, 400), byte=st.integers(0, 255))
def test_whatever_byte_is_changed_confidence_is_in_order_or_refused(place: int, byte: int) -> None:
    content = bytearray(pickle.dumps(binarizer_with([0.5, 0.75, 1.0])))
    content[place % len(content)] = byte
    try:
        known = read_labels(bytes(content)).known_confidence
    except ValueError:
        return
    assert known == sorted(known)
    assert all(0 <= value <= 1 for value in known)
