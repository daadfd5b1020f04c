import sqlite3
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from bowerbird.encoders.vector_cache import VARIABLE, VectorCache, default_vectors


def key(number):
    return sha256(str(number).encode()).digest()


def some(numbers, dim=4):
    return {key(n): np.full(dim, n, np.float32) for n in numbers}


def found(cache, numbers):
    vectors = cache.find([key(n) for n in numbers])
    return [n for n in numbers if key(n) in vectors and (vectors[key(n)] == n).all()]


@pytest.fixture
def cache(tmp_path):
    return VectorCache(tmp_path / "deep" / "vectors.sqlite")


def test_what_is_kept_is_found_and_nothing_else(cache):
    assert cache.find([key(1)]) == {}
    cache.keep(some(range(1200)))
    assert found(cache, range(0, 2400, 2)) == list(range(0, 1200, 2))
    assert cache.find([key(3)])[key(3)].dtype == np.float32


def test_looking_makes_no_file(cache):
    cache.find([key(1)])
    assert not cache.path.exists()


def test_the_same_key_is_replaced(cache):
    cache.keep({key(1): np.zeros(4, np.float32)})
    cache.keep({key(1): np.ones(2, np.float32)})
    assert cache.find([key(1)])[key(1)].tolist() == [1, 1]


def test_a_damaged_vector_is_not_found_and_can_be_kept_again(cache):
    cache.keep(some([1, 2]))
    with sqlite3.connect(cache.path) as file:
        file.execute("UPDATE vectors SET vector = zeroblob(16) WHERE key = ?", [key(1)])
    file.close()
    assert found(cache, [1, 2]) == [2]
    cache.keep(some([1]))
    assert found(cache, [1, 2]) == [1, 2]


@pytest.mark.parametrize("how", ["cut", "garbage", "empty"])
def test_a_damaged_file_is_made_again(cache, how):
    cache.keep(some(range(500), dim=100))
    whole = cache.path.read_bytes()
    cache.path.write_bytes(
        {"cut": whole[: len(whole) // 3], "garbage": b"x" * 9999, "empty": b""}[how]
    )
    assert len(found(cache, range(500))) < 500
    cache.keep(some([7]))  # if it was damaged it is gone now
    cache.keep(some([7]))
    assert found(cache, [7]) == [7]


def test_the_oldest_go_when_it_is_full(tmp_path):
    cache = VectorCache(tmp_path / "v.sqlite", limit=200_000)
    for start in range(0, 1000, 50):
        cache.keep(some(range(start, start + 50), dim=250))
    left = found(cache, range(1000))
    assert left == list(range(left[0], 1000)) and 50 < len(left) < 200
    assert cache.path.stat().st_size < 300_000


def test_more_than_fits_is_still_kept_for_now(tmp_path):
    cache = VectorCache(tmp_path / "v.sqlite", limit=1)
    cache.keep(some([1]))
    cache.keep(some([2]))
    assert found(cache, [1, 2]) == [2]


def test_a_writer_that_is_interrupted_leaves_nothing_half(cache, monkeypatch):
    def interrupted(self, file, more):
        file.execute("DELETE FROM vectors")
        raise KeyboardInterrupt

    cache.keep(some([1]))
    monkeypatch.setattr(VectorCache, "_make_room", interrupted)
    with pytest.raises(KeyboardInterrupt):
        cache.keep(some([2]))
    assert found(cache, [1, 2]) == [1]


def test_a_place_that_cannot_be_written_to_costs_time_and_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    cache = VectorCache(tmp_path / "file" / "v.sqlite")
    with pytest.warns(RuntimeWarning, match=VARIABLE):
        cache.keep(some([1]))
    assert cache.find([key(1)]) == {}


WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_vector_cache import VectorCache, some
cache, first = VectorCache(Path(sys.argv[1])), int(sys.argv[2])
for start in range(first, first + 200, 10):
    cache.keep(some(range(start, start + 10)))
"""


def test_several_processes_write_one_file(cache):
    code = WRITER.format(tests=str(Path(__file__).parent))
    writers = [
        subprocess.Popen([sys.executable, "-c", code, str(cache.path), str(first)])
        for first in (0, 200)
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    assert found(cache, range(400)) == list(range(400))


def test_the_environment_says_where_or_that_there_is_none(monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert default_vectors().path.parent == tmp_path
    monkeypatch.setenv(VARIABLE, "")
    monkeypatch.setenv("BOWERBIRD_CACHE", str(tmp_path / "all"))
    assert default_vectors().path.parent == tmp_path / "all"
    monkeypatch.setenv(VARIABLE, "off")
    assert default_vectors() is None
