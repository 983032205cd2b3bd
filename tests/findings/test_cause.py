"""What a wrong distance makes of published numbers: the rule, the draw of distances, the size of silhouettes."""

from dataclasses import replace
from math import nan

import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lrm_core.canonical import plain
from lrm_core.findings.cause import PATTERN, Cause, compare, pattern, pattern_met
from lrm_core.findings.claims import headline
from lrm_core.findings.verdicts import RULES
from lrm_core.measure.e17_source_distance import Extent, run_extent
from lrm_core.measure.metrics import extent
from lrm_core.measure.oracles import OracleConfig, oracle_fingerprint
from lrm_core.objects import Source
from lrm_core.profiles import PROFILES, get_profile, published_factor
from lrm_core.records.runner import load_item
from lrm_core.records.statistics import Interval


def table(values, claim="C4"):
    names = [f"object{k}" for k in range(len(values))]
    return pd.DataFrame({"object": names, "seed": 0, RULES[claim].ours: values})


@pytest.mark.parametrize(
    ("start", "end", "answer"),
    [
        (-0.3, 0.01, "makes most of the difference"),
        (-0.3, -0.2, "makes a part of the difference"),
        (-0.3, 0.2, "moves it past"),
        (-0.3, -0.4, "moves it away"),
        (0.3, 0.2, "makes a part of the difference"),
        (0.3, 0.4, "moves it away"),
    ],
)
def test_cause_by_the_way_from_truth_to_condition(start, end, answer):
    published = headline("C4")
    truth = [published + start + noise for noise in (-0.01, 0, 0.01, 0.02, -0.02)]
    condition = [value + end - start for value in truth]
    found = compare("C4", table(truth), table(condition))
    assert found.answer == answer
    assert found.towards.estimate == pytest.approx((end - start) * (1 if start < 0 else -1))
    either_way = compare("C4", table([0.1, 0.2, 0.3, 0.4]), table([0.2, 0.1, 0.4, 0.3]))
    assert either_way.answer == "does not move it"
    assert compare("C4", table([0.1, 0.2]), table([0.3, nan])) == Cause("C4", published)  # too few objects


def test_pattern_counts_the_shares_that_are_met():
    means = {name: (share.low + share.high) / 2 for name, share in PATTERN.items()}
    as_intervals = lambda: {name: Interval(m, m, m, 5) for name, m in means.items()}  # noqa: E731
    assert pattern_met(as_intervals()) == "there"
    means["low_share"] += 0.1
    assert pattern_met(as_intervals()) == "nearly there"
    means["high_share"] = nan
    assert pattern_met(as_intervals()) == "not there"


@given(st.text(max_size=20), st.integers(0, 5))
def test_factors_are_those_that_the_published_code_could_draw(name, draw):
    assert 2.0 / 2.6 <= published_factor(name, draw) <= 2.0 / 1.9
    assert published_factor(name, draw) == published_factor(name, draw)


def test_only_a_condition_that_says_so_tells_another_distance():
    for plan in PROFILES.values():
        factor = plan.told("cc0_barrel")
        assert (factor != 1) == (plan.condition == "published" or plan.condition.startswith("told"))
    plain_plan, published = get_profile("smoke"), get_profile("smoke-published")
    folder = plain_plan.object_folders()[0]
    truth, told = load_item(plain_plan, folder), load_item(published, folder)
    assert torch.equal(truth.images, told.images)
    ratio = (
        told.source_camera()[0, :12].view(3, 4)[:, 3].norm() / truth.source_camera()[0, :12].view(3, 4)[:, 3].norm()
    )
    assert float(ratio) == pytest.approx(published_factor(folder.name))


def test_what_is_told_decides_oracles_but_those_from_noise(model, item):
    wrong = replace(item, source=Source(told=0.8))
    config = OracleConfig(iterations=1)
    for start, different in (("predicted", 2), ("random", 1), ("null", 2)):
        assert len({oracle_fingerprint(model, x, start, config, 0) for x in (item, wrong)}) == different


def test_extent_of_rectangles_and_its_record(model, item):
    images = torch.ones(3, 3, 100, 100)
    images[0, 1, 20:61, 30:51] = 0.0  # 41 rows and 21 columns in one channel
    images[1, :, 10:91, 10:91] = 0.5
    found = extent(images)
    assert found[:2].tolist() == pytest.approx([(40 * 20) ** 0.5, 80], rel=0.03)
    assert found[2].isnan()
    record = plain(run_extent(model, replace(item, source=Source(told=0.9)), Extent(views=(1, 5, 40)), 0))
    assert record["told"] == 0.9
    assert min(record["l1"], record["psnr"]) > 0


def test_the_pattern_of_the_objects_that_another_profile_has():
    few = pattern("mini", like="mini-published")
    every = pattern("mini")
    assert few["high_share"].n == pattern("mini-published")["high_share"].n < every["high_share"].n
