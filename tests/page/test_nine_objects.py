"""Nine objects as pictures: which ones, and that a sheet which is there is not made again."""

import io

import pandas as pd
import pytest
from PIL import Image

from lrm_core.fit.oracle import OracleFit
from lrm_core.measure.oracles import predicted_planes
from lrm_core.objects.contact_sheets import SheetStore
from lrm_core.page import models as nine_objects
from lrm_core.profiles import Profile, get_profile


@pytest.fixture
def tables(monkeypatch) -> dict[str, pd.DataFrame]:
    """Records of 58 objects, of which the first 25 have oracles; object 0 is the best."""
    names = [f"o{place}" for place in range(58)]
    made = {
        "e00_model": pd.DataFrame({"object": names, "model.novel.psnr": [60.0 - place for place in range(58)]}),
        "e01_oracle": pd.DataFrame({"object": names[:25], "fingerprint": names[:25]}),
    }
    monkeypatch.setattr(nine_objects, "experiment_table", lambda name, profile: made[name])
    return made


def test_the_nine_are_evenly_spaced_from_the_best_to_the_worst_that_has_an_oracle(tables):
    chosen = nine_objects.nine(get_profile("mini"))
    assert chosen["object"].tolist() == [f"o{place}" for place in range(0, 25, 3)]
    assert chosen["psnr"].is_monotonic_decreasing
    tables["e01_oracle"] = tables["e01_oracle"].head(2)
    assert nine_objects.nine(get_profile("mini"))["object"].tolist() == ["o0", "o1"]


def test_a_sheet_is_made_once_for_the_records_that_decide_it(tables, tmp_path, model, item, monkeypatch):
    tables["e01_oracle"] = tables["e01_oracle"].head(2)
    fitted = OracleFit(predicted_planes(model, item), {})
    monkeypatch.setattr(nine_objects, "load_item", lambda plan, folder: item)
    monkeypatch.setattr(nine_objects, "oracle", lambda *_: fitted)
    monkeypatch.setattr(Profile, "object_folder", lambda self, name: tmp_path / name)
    store = SheetStore(tmp_path, tmp_path / "shipped")
    name, sheet = nine_objects.nine_sheet(get_profile("mini"), model, store)
    side = item.images.shape[-1]
    assert Image.open(io.BytesIO(sheet)).size == (len(nine_objects.PICTURES) * side, 2 * side)
    monkeypatch.setattr(nine_objects, "load_item", None)
    assert nine_objects.nine_sheet(get_profile("mini"), model, store) == (name, sheet)
    tables["e01_oracle"].loc[0, "fingerprint"] = "another"
    with pytest.raises(TypeError):
        nine_objects.nine_sheet(get_profile("mini"), model, store)
