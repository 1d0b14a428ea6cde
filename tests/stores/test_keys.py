from hypothesis import example, given
from hypothesis import strategies as st

from dcmxarray.stores import keys

WORDS = st.sampled_from(
    ["", ".", "..", "/", "\\", "\0", "%", "%2e", "tables", "image", "c", "zarr.json", "begun.", "~", "A", "a", "é", "é"]
)
KEYS = st.lists(WORDS | st.text(max_size=3), max_size=8).map("".join) | st.text(min_size=190, max_size=260)


@given(KEYS, KEYS)
@example("a", "A")
@example("x" * 201, "x" * 202)
@example("%2e", ".")
@example("\udc80", "%80")
@example("", "%")
def test_names_are_one_to_one_and_safe_everywhere(one, two):
    names = [keys.name(key) for key in (one, two)]
    assert (names[0].lower() == names[1].lower()) == (one == two)
    for name in names:
        assert name.isascii()
        assert name.isprintable()
        assert 0 < len(name) <= keys.LONGEST
        assert name not in keys.RESERVED
        assert name[0] not in "._"
        assert name[-1] not in ". "
        assert not set(name) & set('/\\:*?"<>|')
        assert not name.startswith("begun.")
        assert keys.is_within(name)


@given(st.from_regex(r"[0-9]{1,5}(\.[0-9]{1,9}){1,6}(-[a-z0-9]+){0,3}", fullmatch=True))
def test_plain_keys_stay_as_they_are(key):
    assert keys.name(key) == key


def test_paths_that_leave():
    assert keys.is_within("a/b")
    assert not any(map(keys.is_within, ["", "..", "a/..", "/a", "a/", "a//b", ".", "a\\b", "C:/a", "a\0"]))
