"""Extents of the published pictures: read with the untouched renders of their own views, and drawn."""

import pytest

from lrm_core.findings import fork_pictures
from lrm_core.findings.prose import figure_data
from lrm_core.page.diagnosis import source_distance

HEADER = "object,view,arm,area_ratio,extent_ratio\n"


@pytest.fixture
def stored(tmp_path, monkeypatch):
    """Writes lines as the file of extents."""

    def write(text: str) -> None:
        (tmp_path / fork_pictures.FILE).write_text(text)
        monkeypatch.setattr(fork_pictures, "data_dir", lambda: tmp_path)

    return write


def test_an_untouched_render_belongs_to_the_experiment_that_shows_its_view(stored):
    stored(
        HEADER + "a,1,untouched,1,0.5\na,5,untouched,1,0.7\na,1,lora_mse_r8,1,0.9\na,5,lora_mse_r8,1,0.9\n"
        "a,3,untouched,1,0.8\na,3,full_mse,1,1.2\n"
    )
    table = fork_pictures.published_extents()
    found = table.set_index(["tuned", "arm"])["extent"]
    assert found["LoRA", "untouched"] == pytest.approx(0.6)
    assert found["all weights", "untouched"] == pytest.approx(0.8)
    factors = fork_pictures.enlargement(table)
    assert factors["LoRA", "lora_mse_r8"] == pytest.approx(1.5)
    assert factors["all weights", "full_mse"] == pytest.approx(1.5)


def test_the_figure_shows_every_object_before_and_after():
    table = fork_pictures.published_extents()
    figure = source_distance.extent_figure(table)
    data = figure_data(figure)
    assert set(table["object"]) <= set(data["label"])
    shown = data[data["label"].isin(table["object"])]
    assert sorted(shown["y"]) == pytest.approx(sorted(table["extent"]))
    assert "untouched 0.8" in figure.layout.meta["alt"]
