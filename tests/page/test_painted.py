"""The pictures of the chapter on where the error lies: which objects, what is outlined, what is painted."""

import pandas as pd
import pytest
import torch

from lrm_core.findings import c07
from lrm_core.page.diagnosis import painted

GROUPS = {f"disc{k}": "real" for k in range(7)} | {"made": "procedural"}
TABLE = pd.DataFrame([{"object": name, "seed": 0, c07.TRUTH: 1 + 0.1 * k} for k, name in enumerate(GROUPS)])


def test_objects_are_spread_from_the_least_to_the_greatest_ratio_of_the_real_ones():
    assert list(painted.spread(TABLE, GROUPS, 3)) == ["disc0", "disc3", "disc6"]
    assert painted.spread(TABLE, GROUPS, 9) == {f"disc{k}": 1 + 0.1 * k for k in range(7)}
    assert list(painted.spread(TABLE[-1:], GROUPS, 3)) == ["made"]


@pytest.fixture
def look() -> painted.Look:
    """A square object whose right half the source does not see; one of its pixels is wrong."""
    mask, hidden, error = torch.zeros(16, 16), torch.zeros(16, 16, dtype=torch.bool), torch.zeros(16, 16)
    mask[4:12, 4:12], hidden[4:12, 8:12], error[6, 5] = 1, True, 0.4
    image = torch.ones(3, 16, 16)
    return painted.Look(image, image, image, mask, error, hidden)


def test_what_is_hidden_is_outlined_and_what_is_wrong_is_painted(look):
    picture = painted.paint(look, full=0.4)
    assert picture.shape[0] == 4
    line = (picture[:3] == painted.LINE[:, None, None]).all(0)
    rows, columns = line.nonzero().unbind(1)
    assert line.any()
    assert not line[rows.min() + 4 : rows.max() - 3, columns.min() + 4 : columns.max() - 3].any(), "a ring"
    assert columns.min() > picture.shape[-1] / 2 - 3, "about the right half"
    assert (picture[2, : rows.max()] - picture[0, : rows.max()]).min() < -0.3, "orange"
    assert picture[3, 0, 0] == 0, "cut out"


def test_the_pictures_of_the_chapter_follow_its_records(make_chapter, monkeypatch):
    names = [f"audited.truth.sight.{entry}" for entry in ("ratio", "hidden_share", "visible", "hidden")]
    known = [{"object": f"disc{k}", "seed": 0} | dict.fromkeys(names, 1.5 - k / 10) for k in range(4)]
    chapter = make_chapter("C7", pd.DataFrame(known))
    monkeypatch.setattr(painted, "load_item", lambda plan, folder: chapter.item)
    monkeypatch.setattr(type(chapter.plan), "object_folder", lambda plan, name: name)
    html, data = painted.painted_objects(chapter)
    assert data["object"].tolist() == ["disc1", "disc0"]
    assert data["ratio"].tolist() == [1.4, 1.5]
    assert html.count('type="radio"') == html.count("<label") == 2
    assert html.count("<img") == 2 * 5
    assert painted.heat_pictures(torch.rand(3, 4, 4))["plane zy"].shape == (3, 32, 32)
