"""The one JSON form of records."""

import json
from math import inf, nan

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lrm_core.canonical import canonical_json, plain

values = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.floats(-1e6, 1e6) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=40, deadline=None)
@given(values)
def test_reading_back_and_writing_again_changes_no_byte(value: object) -> None:
    text = canonical_json(plain(value))
    assert canonical_json(plain(json.loads(text))) == text


def test_order_of_keys_and_kind_of_array_do_not_matter() -> None:
    one = {"b": torch.tensor([1.0, 0.1]), "a": (1, 2)}
    other = {"a": [1, 2], "b": np.array([1.0, 0.1000000001])}
    assert canonical_json(plain(one)) == canonical_json(plain(other))


def test_six_significant_digits() -> None:
    assert plain([1.23456789, 123456789.0, 1.23456789e-9, -0.0]) == [1.23457, 123457000.0, 1.23457e-09, 0.0]


@pytest.mark.parametrize("bad", [nan, inf, -inf])
def test_not_a_number_is_refused_by_name(bad: float) -> None:
    with pytest.raises(ValueError, match=r"record\.shares\[1\]: .* cannot be stored"):
        plain({"shares": [0.5, bad]})
    with pytest.raises(ValueError, match=r"record\.x\[0\]: .* cannot be stored"):
        plain({"x": torch.tensor([bad])})


def test_what_no_record_holds() -> None:
    with pytest.raises(ValueError, match=r"record\.x: a record cannot hold a object"):
        plain({"x": object()})
    with pytest.raises(ValueError, match="30000 values"):
        plain(torch.zeros(30_000))
