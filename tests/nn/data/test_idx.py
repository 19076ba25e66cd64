import gzip

import numpy as np
import pytest

from chainderiv.errors import DataError
from chainderiv.nn.data.idx import parse_idx, read_content


def idx(array):
    """The IDX content of an array of unsigned bytes."""
    axes = b"".join(int(n).to_bytes(4, "big") for n in array.shape)
    return bytes([0, 0, 8, array.ndim]) + axes + array.astype(np.uint8).tobytes()


def read_idx(path):
    return parse_idx(read_content(path, 10_000), path)


IMAGES = np.arange(2 * 3 * 4).reshape(2, 3, 4)


@pytest.mark.parametrize("array", [IMAGES, np.array([7, 0, 9]), np.zeros((0, 2))])
def test_an_array_comes_back(tmp_path, array):
    (tmp_path / "plain").write_bytes(idx(array))
    (tmp_path / "packed.gz").write_bytes(gzip.compress(idx(array)))
    for name in ("plain", "packed.gz"):
        np.testing.assert_array_equal(read_idx(tmp_path / name), array)
        assert read_idx(tmp_path / name).shape == array.shape


WHOLE = idx(IMAGES)
DAMAGED = {
    "empty": b"",
    "no IDX": b"\x89PNG and more",
    "floats": bytes([0, 0, 13]) + WHOLE[3:],
    "header cut": WHOLE[:9],
    "cut short": WHOLE[:-1],
    "too long": WHOLE + b"\0",
    "more images than there are": WHOLE[:4] + bytes([0, 0, 0, 9]) + WHOLE[8:],
    "2**32 - 1 images": WHOLE[:4] + bytes([255] * 4) + WHOLE[8:],
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_content_is_a_data_error_that_names_the_file(tmp_path, case):
    for path, content in ((tmp_path / "a", DAMAGED[case]), (tmp_path / "a.gz", gzip.compress(DAMAGED[case]))):
        path.write_bytes(content)
        with pytest.raises(DataError) as caught:
            read_idx(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("keep", [0, 5, 15, 30, -1])
def test_a_gzip_stream_cut_short_is_a_data_error(tmp_path, keep):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(WHOLE)[:keep])
    with pytest.raises(DataError, match=r"a\.gz"):
        read_idx(path)


@pytest.mark.parametrize("at", [0, 12, 20, -6, -2])
def test_a_gzip_stream_altered_is_a_data_error(tmp_path, at):
    packed = bytearray(gzip.compress(np.random.default_rng(0).bytes(500)))
    packed[at] ^= 0xFF
    (tmp_path / "a.gz").write_bytes(packed)
    with pytest.raises(DataError, match=r"a\.gz"):
        read_idx(tmp_path / "a.gz")


def test_what_is_no_file_is_a_data_error(tmp_path):
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(DataError, match="cannot be read"):
            read_idx(path)


def test_rows_are_read_in_the_order_of_the_file():
    np.testing.assert_array_equal(parse_idx(WHOLE, "here")[1, 2], IMAGES[1, 2])
