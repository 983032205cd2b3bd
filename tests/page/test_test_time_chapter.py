"""The film of the chapter on test-time optimisation, and what its facts count."""

import re

import pandas as pd
import pytest
import torch

from lrm_core.data_url import data_url
from lrm_core.findings import c09
from lrm_core.page.repair import test_time


@pytest.fixture
def picture() -> str:
    """As a record holds one."""
    return data_url(torch.rand(3, 16, 16))


@pytest.fixture
def chapter(make_chapter, monkeypatch, picture):
    """With longer fits of the first object: planes fall to a fifth, tokens rise again after their second step."""
    found = make_chapter("C9", pd.DataFrame({"object": ["disc0", "disc1"], "seed": 0}))
    steps, lpips = [0, 100, 500, 1000], {"planes": [0.5, 0.3, 0.2, 0.1], "tokens": [0.4, 0.2, 0.3, 0.3]}
    for space, values in lpips.items():
        one = {"step": steps, "lpips": values, "l1": values, "train_l1": values}
        for name, of in one.items():
            found.table[f"{c09.LONGER}.{space}.path.{name}"] = [of] + [None] * (len(found.table) - 1)
        found.table[f"{c09.LONGER}.{space}.best.lpips"] = float(steps[values.index(min(values))])
    found.table[f"{c09.LONGER}.planes.film"] = [[picture] * 4] + [None] * (len(found.table) - 1)
    monkeypatch.setattr(test_time, "load_item", lambda plan, folder: found.item)
    monkeypatch.setattr(type(found.plan), "object_folder", lambda plan, name: name)
    return found


def test_the_film_has_the_frames_and_the_curves_of_the_record(chapter):
    html, data = test_time.film(chapter)
    captions = re.findall(r"<figcaption[^>]*>([^<]+)<", html)
    assert captions == ["step 0", "step 100", "step 500", "step 1,000", "truth"]
    assert html.count("<img") == 5
    assert "planes 0.0%, −40%, −60%, −80%; tokens 0.0%, −50%, −25%, −25%" in html
    assert set(data["object"]) == {chapter.item.name}
    assert data[data["space"] == "planes"]["lpips"].tolist() == [0.5, 0.3, 0.2, 0.1]


def test_facts_count_the_fits_whose_last_step_is_the_best(chapter):
    assert c09.FINDING.facts["longer.best_last"](chapter.table) == "1 of 2"
    assert c09.FINDING.facts["longer.steps"](chapter.table) == "1,000"
    assert c09.FINDING.facts["longer.objects"](chapter.table.assign(**{f"{c09.LONGER}.planes.end.l1": 0.1})) == len(
        chapter.table
    )
