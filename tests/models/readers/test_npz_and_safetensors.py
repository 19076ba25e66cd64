"""Files of arrays: what they hold is read as it was saved, by our own parsers, and bombs are refused unopened."""

import io
import json
import pickle
import struct
import zipfile

import numpy as np
import pytest

from chainderiv.errors import BadValue, ChainderivError, DataError
from chainderiv.models.readers.npz import arrays_of_npz
from chainderiv.models.readers.reading import read
from chainderiv.models.readers.safetensors import arrays_of_safetensors
from chainderiv.models.readers.signature import file_of
from tests.models.readers.plain import forward, run, stack

RNG = np.random.default_rng(2)
LAYERS = stack(RNG, [3, 5, 4, 2])
X = RNG.normal(size=(4, 3))


def named(layers, dtype="f8"):
    return {
        f"l.{n}.{k}": a.astype(dtype)
        for n, pair in enumerate(layers)
        for k, a in zip(("weight", "bias"), pair, strict=True)
    }


def safetensors(arrays, kinds, path):
    """A file as the format's description has it."""
    header, body = {"__metadata__": {"format": "np"}}, b""
    for name, array in arrays.items():
        content = array.tobytes()
        header[name] = {
            "dtype": kinds,
            "shape": list(array.shape),
            "data_offsets": [len(body), len(body) + len(content)],
        }
        body += content
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)
    return path


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npz_gives_numpys_own_arrays(tmp_path, save, order):
    arrays = {name: np.asarray(a, order=order) for name, a in named(LAYERS).items()}
    save(tmp_path / "m.npz", **arrays)
    with np.load(tmp_path / "m.npz") as loaded:
        ours = arrays_of_npz(file_of(tmp_path / "m.npz"))
        assert ours.keys() == set(loaded.files)
        assert all((ours[name] == loaded[name]).all() for name in loaded.files)
    got = run(read(tmp_path / "m.npz", "tanh", "identity"), X)
    assert np.abs(got / forward(LAYERS, X, np.tanh) - 1).max() < 1e-12


@pytest.mark.parametrize(("kind", "dtype"), [("F64", "f8"), ("F32", "f4"), ("F16", "f2")])
def test_safetensors_gives_the_numbers_that_were_saved(tmp_path, kind, dtype):
    arrays = named(LAYERS, dtype)
    ours = arrays_of_safetensors(file_of(safetensors(arrays, kind, tmp_path / "m")))
    assert all((ours[name] == arrays[name]).all() for name in arrays)
    assert all(ours[name].dtype == dtype for name in arrays)


def test_bfloat16_is_the_upper_half_of_float32(tmp_path):
    kept = {name: (a.view("u4") >> 16).astype("u2") for name, a in named(LAYERS, "f4").items()}
    ours = arrays_of_safetensors(file_of(safetensors(kept, "BF16", tmp_path / "m")))
    whole = named(LAYERS, "f4")
    assert all(np.abs(ours[name] / whole[name] - 1).max() < 2.0**-7 for name in whole)
    assert all((ours[name].view("u4") & 0xFFFF == 0).all() for name in whole)


def test_safetensors_own_writer_is_read(tmp_path):
    library = pytest.importorskip("safetensors.numpy", reason="safetensors is not installed")
    library.save_file(named(LAYERS), tmp_path / "m.safetensors")
    got = run(read(str(tmp_path / "m.safetensors"), "tanh", "identity"), X)
    assert np.abs(got / forward(LAYERS, X, np.tanh) - 1).max() < 1e-12


class Trap:
    """A pickle that would leave a trace."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def _objects(path, trap):
    np.savez(path, W=np.array([[trap]], dtype=object), allow_pickle=True)


def _zeros(path, trap):
    np.savez_compressed(path, W=np.zeros((5000, 4000)))


def _lie(path, trap):
    content = io.BytesIO()
    np.lib.format.write_array_header_1_0(content, {"descr": "<f4", "fortran_order": False, "shape": (200_000, 200_000)})
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("W.npy", content.getvalue())


def _lzma(path, trap):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as file:
        file.writestr("W.npy", b"x" * 100)


def _records(path, trap):
    np.savez(path, W=np.zeros(3, [("a", "f4"), ("b", "f4")]))


def _pickle(path, trap):
    path.write_bytes(pickle.dumps(trap))


def _text_pickle(path, trap):
    path.write_bytes(pickle.dumps(trap, protocol=0))


def _safetensors_lie(path, trap):
    text = json.dumps(
        {"W": {"dtype": "F32", "shape": [200_000, 200_000], "data_offsets": [0, 160_000_000_000]}}
    ).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text)


def _safetensors_shared(path, trap):
    one = {"dtype": "F32", "shape": [1000, 1000], "data_offsets": [0, 4_000_000]}
    text = json.dumps({f"W{n}": one for n in range(50)}).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(4_000_000))


def _safetensors_int8(path, trap):
    safetensors({"W": np.ones((3, 2), "i1")}, "I8", path)


def _gigantic_shape(path, trap):
    text = json.dumps({"W": {"dtype": "F32", "shape": [10**400, 0], "data_offsets": [0, 0]}}).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text)


def _nested(path, trap):
    text = b'{"a":' + b"[" * 200_000
    path.write_bytes(struct.pack("<Q", len(text)) + text)


def _deep_npy(path, trap):
    header = b"(" * 5000
    content = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("W.npy", content)


HOSTILE = {
    _objects: "as Python objects, which would run code",
    _zeros: "a hundredfold is the most",
    _lie: "states more or less of 'W.npy' than it holds",
    _lzma: "save it with numpy.savez",
    _records: "as records",
    _pickle: "is a pickle, which would run code",
    _text_pickle: "is a pickle, which would run code",
    _safetensors_lie: "states more or less of 'W' than it holds",
    _safetensors_shared: "the same bytes for two arrays",
    _safetensors_int8: "not quantised ones",
    _gigantic_shape: "cannot be",
    _nested: "cannot be read",
    _deep_npy: "cannot be read",
}


@pytest.mark.parametrize("write", HOSTILE, ids=lambda f: f.__name__)
def test_a_hostile_file_is_refused_in_one_line_and_runs_nothing(tmp_path, write):
    file, trace = tmp_path / "m", tmp_path / "trace"
    write(file, Trap(trace))
    file = next(path for path in tmp_path.iterdir())
    with pytest.raises(ChainderivError) as caught:
        read(file, "tanh")
    assert HOSTILE[write] in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not trace.exists()


def test_the_trap_would_leave_its_trace(tmp_path):
    pickle.loads(pickle.dumps(Trap(tmp_path / "trace"))).close()
    assert (tmp_path / "trace").exists()


def test_a_file_that_is_missing_empty_or_of_another_kind_is_told(tmp_path):
    with pytest.raises(DataError, match="cannot be opened"):
        read(tmp_path / "none.npz", "tanh")
    (tmp_path / "empty.npz").write_bytes(b"")
    with pytest.raises(DataError, match="is empty"):
        read(tmp_path / "empty.npz", "tanh")
    for content, why in {b"hello, world": "of no kind", b"\x1f\x8b123": "joblib", b"\x93NUMPY\x01": "without a name", b"GGUF": "quantised"}.items():  # fmt: skip
        (tmp_path / "m").write_bytes(content)
        with pytest.raises(BadValue, match=why):
            read(tmp_path / "m", "tanh")


def test_the_contents_tell_the_kind_and_not_the_name(tmp_path):
    np.savez(tmp_path / "m.npz", **named(LAYERS))
    (tmp_path / "m.npz").rename(tmp_path / "m.onnx")
    assert len(read(tmp_path / "m.onnx", "tanh", "identity").nodes) == 5
