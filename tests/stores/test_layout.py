import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dcmxarray.stores.layout import CHUNK_BYTES, SHARD_BYTES, layout, regions, shard_keys

DIMS = ("slice", "time", "b", "row", "col", "rgb")


@given(
    st.lists(st.sampled_from(DIMS), unique=True, min_size=1),
    st.lists(st.integers(1, 300), min_size=6, max_size=6),
    st.sampled_from([1, 2, 4, 8]),
)
def test_shards_hold_whole_chunks_and_cover_the_array_once(dims, numbers, itemsize):
    sizes = dict(zip(sorted(dims, key=DIMS.index), numbers, strict=False))
    chunks, shards = layout(sizes, itemsize)
    shape = tuple(sizes.values())
    assert all(s % c == 0 for c, s in zip(chunks, shards, strict=True))
    assert all(c <= n for c, n in zip(chunks, shape, strict=True))
    frame = np.prod([n for d, n in sizes.items() if d in ("row", "col", "rgb")], dtype=int) * itemsize
    assert np.prod(chunks, dtype=int) * itemsize <= max(CHUNK_BYTES, frame)
    assert np.prod(shards, dtype=int) * itemsize <= max(SHARD_BYTES, frame)
    if np.prod([-(-n // s) for n, s in zip(shape, shards, strict=True)]) < 200:
        counted = [-(-n // s) for n, s in zip(shape, shards, strict=True)]
        assert len(list(regions(shape, shards))) == len(shard_keys(shape, shards)) == np.prod(counted, dtype=int)
        covered = sum(int(np.prod([r.stop - r.start for r in region])) for region in regions(shape, shards))
        assert covered == np.prod(shape, dtype=int)


def test_chunks_are_whole_frames_then_slices():
    assert layout({"slice": 30, "time": 100, "row": 128, "col": 128}, 2) == ((30, 2, 128, 128), (30, 50, 128, 128))
    asked = layout({"slice": 30, "time": 100, "row": 128, "col": 128}, 2, {"time": -1, "row": 32, "col": 32, "slice": 10})
    assert asked[0] == (10, 100, 32, 32)


def test_regions_and_keys_go_together():
    places = list(itertools.product(range(2), range(3)))
    assert shard_keys((4, 5), (2, 2)) == [f"c/{a}/{b}" for a, b in places]
    assert list(regions((4, 5), (2, 2)))[-1] == (slice(2, 4), slice(4, 5))
