"""Words of a command and the settings they stand for, there and back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facebone.settings import format_spec, format_value, parse_spec, parse_value

WORDS = st.text("abcxyz_.-0123456789", min_size=1, max_size=8)
NUMBERS = st.integers(-(10**6), 10**6) | st.floats(-1e9, 1e9) | st.booleans() | st.none()
PLAIN = NUMBERS | WORDS
LISTS = st.lists(st.integers() | WORDS.filter(lambda word: parse_value(word) == word), max_size=4)


@given(st.dictionaries(st.text("abc_", min_size=1, max_size=4), PLAIN | LISTS, max_size=4))
def test_what_is_written_is_read_again(settings: dict[str, Any]) -> None:
    name, read = parse_spec(format_spec("adapter", settings), where="--adapt")
    assert name == "adapter"
    assert read == settings
    assert [type(value) for value in read.values()] == [type(one) for one in settings.values()]


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (3, "3"),
        (1e-05, "1e-05"),
        (True, "true"),
        (None, "null"),
        ("mlp", "mlp"),
        ("12", '"12"'),
        ("true", '"true"'),
        ([256, 128], "256+128"),
        ((64,), "[64]"),
        ([], "[]"),
        (["tiny_plain", "tiny_wide"], "tiny_plain+tiny_wide"),
    ],
)
def test_words_of_values(value: object, word: str) -> None:
    assert format_value(value) == word
    assert "," not in word
    assert parse_value(word) == json.loads(json.dumps(value))


def test_a_part_without_settings_is_its_name() -> None:
    assert format_spec("whitening", {}) == "whitening"
