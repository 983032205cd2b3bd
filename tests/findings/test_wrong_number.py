"""The findings: sentences with fields, and the chapter on one wrong number."""

import pytest

from lrm_core.findings import fork_pictures, repair, wrong_number
from lrm_core.findings.cause import PATTERN, causes, dose
from lrm_core.findings.sentences import say
from lrm_core.page.diagnosis import source_distance
from lrm_core.records.statistics import Interval


def test_a_section_or_a_field_that_is_missing_is_named():
    with pytest.raises(ValueError, match=r"one_wrong_number\.md: no section 'nowhere'; it has there"):
        say("one_wrong_number", "nowhere")
    with pytest.raises(ValueError, match="section 'told' has a field 'low' that nothing fills"):
        say("one_wrong_number", "told", condition="Told the truth")


@pytest.mark.parametrize(
    ("truth", "shift", "moved"),
    [
        (0.60, (-0.05, -0.01), True),
        (0.60, (-0.05, 0.01), False),
        (0.40, (0.01, 0.05), True),
        (0.40, (-0.05, -0.01), False),
    ],
)
def test_a_share_moves_towards_the_published_range_with_its_whole_interval(truth, shift, moved):
    change = Interval(sum(shift) / 2, *shift, 5)
    assert wrong_number._towards(truth, change, PATTERN["high_share"]) is moved


def test_the_figure_draws_every_share_and_every_published_range():
    figure = source_distance.pattern_figure(wrong_number.conditions("mini"), dose("mini"))
    stars = [trace for trace in figure.data if trace.marker.symbol == "star"]
    assert len(stars) == len(PATTERN)
    bands = [shape for shape in figure.layout.shapes if shape.type == "rect"]
    assert len(bands) == len(PATTERN) + 2  # and what the published code told, in both panels
    for name, share in PATTERN.items():
        assert any((shape.y0, shape.y1) == (share.low, share.high) for shape in bands), name


def test_tables_and_sentences_hold_what_was_measured():
    said = wrong_number.causes_text(causes("mini"))
    assert all(found.claim in said for found in causes("mini") if found.towards.known)
    arms = repair.arms("mini")
    assert {arm.arm for arm in arms} >= {"lora_mse", "lora_freq"}
    assert len(repair.gains_table("mini", arms)) == len(repair.IN_TABLE) + 2
    assert "1.125" in fork_pictures.fork_text()
