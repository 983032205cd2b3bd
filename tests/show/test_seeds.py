"""What the seed changes in E2, on made-up records."""

from math import sqrt

import pandas as pd
import pytest

from lrm_core.evidence.rules import C1_FEATURES, C1_MATTER, C1_OURS
from lrm_core.show.diagnosis import seeds

ALIKE = {"alike.gap": 0.1, "alike.closeness": 2.0, "path.barrier": 3.0}


def records(by_seed: list[dict[str, float]]) -> pd.DataFrame:
    """Records of the same correlation by every reading, for the objects of each seed."""
    rows = [
        {"object": name, "seed": seed} | dict.fromkeys((C1_OURS, C1_MATTER, C1_FEATURES), value) | ALIKE
        for seed, values in enumerate(by_seed)
        for name, value in values.items()
    ]
    return pd.DataFrame(rows)


def test_spread_of_seeds_is_that_within_objects():
    table = records([{"a": 0.1, "b": 0.5}, {"a": 0.3, "b": 0.9}])
    assert seeds.seed_spread(table, C1_OURS) == pytest.approx(sqrt((0.02 + 0.08) / 2))


def test_table_has_a_column_for_each_seed_and_both_spreads():
    table = seeds.seeds_table(records([{"a": 0.1, "b": 0.2, "c": 0.3}] * 2))
    assert table.columns.tolist() == [
        "correlation", "seed 0", "seed 1", "spread of seeds", "spread of objects"
    ]  # fmt: skip
    assert table["spread of seeds"].tolist() == ["0.000"] * 3
    assert table["spread of objects"].tolist() == ["0.100"] * 3
    assert table["seed 1"].str.startswith("0.20 [").all()


def test_no_spread_is_told_of_one_seed():
    table = records([{"a": 0.1, "b": 0.2, "c": 0.3}])
    assert seeds.seeds_table(table)["spread of seeds"].tolist() == ["–"] * 3
    assert seeds.seeds_sentence(table) == "Only one seed was fitted."


def test_seeds_are_compared_on_the_objects_that_have_them_all():
    table = records([{"a": 0.1, "b": 0.2, "c": 0.3, "z": 0.9}, {"a": 0.1, "b": 0.2, "c": 0.3}])
    assert seeds.seeds_table(table)["seed 0"].str.startswith("0.20 [").all()
    assert "On the 3 objects that were fitted with 2 seeds" in seeds.seeds_sentence(table)


def test_sentence_tells_whether_the_verdict_depends_on_the_seed():
    low, high = {"a": 0.1, "b": 0.12, "c": 0.14}, {"a": 0.9, "b": 0.92, "c": 0.94}
    assert "each seed alone leads to the same verdict: replicated." in seeds.seeds_sentence(
        records([low, low])
    )
    assert "replicated by seed 0 and not replicated by seed 1" in seeds.seeds_sentence(records([low, high]))
