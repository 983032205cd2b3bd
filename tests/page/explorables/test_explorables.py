"""The explorables in Python: what they carry, and what is marked on them."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from lrm_core.findings.claims import PUBLISHED_OBJECTS, published
from lrm_core.measure.oracles import render_images
from lrm_core.model.lrm import Decoder
from lrm_core.page import explorables
from lrm_core.page.explorables import mixes
from lrm_core.page.explorables.spectra import spectrum_content
from lrm_core.page.explorables.widget import Explorable, Scene, check_state, slider
from lrm_core.page.viewer import Packed, unpack
from lrm_core.render.quality import psnr
from lrm_core.spectral.bands import band_masks


@pytest.fixture
def open_chapter(make_chapter):
    """A chapter on a claim with records of the spectrum alone, of two objects."""
    shares = {"published": (0.1, 0.3, 0.5), "power": (0.5, 0.3, 0.2)}
    rows = [
        {"object": f"disc{number}", "seed": 0, "predicted.power_law.exponent": 1.6 + 0.2 * number}
        | {
            f"predicted.{measure}.{band}": share + 0.02 * number
            for measure, of in shares.items()
            for band, share in zip(("low", "mid", "high"), of, strict=True)
        }
        for number in range(2)
    ]
    return lambda claim: make_chapter(claim, pd.DataFrame(rows))


def _tensors(figure: Explorable) -> dict[str, torch.Tensor]:
    return unpack(Packed(figure.tensors, figure.data))


def test_the_mixer_carries_the_prediction_what_it_lacks_the_decoder_and_the_truth(open_chapter, quiet):
    chapter = open_chapter("C4")
    explorables.show_band_mixer(chapter)
    (figure,) = quiet
    back, reference = _tensors(figure), chapter.oracle("predicted").planes
    assert set(back) == {"predicted", "correction", "truth", *chapter.model.decoder.state_dict()}
    step = (reference.amax((-2, -1)) - reference.amin((-2, -1))).max() / 255
    assert torch.allclose(back["predicted"] + back["correction"], reference, atol=2 * float(step))
    images = Scene.of(chapter.model, chapter.item).views.images
    assert torch.allclose(back["truth"].movedim(-1, 1), images, atol=1 / 500)
    assert len(figure.content["views"]["cameras"]) == len(images) == back["truth"].shape[0]


def test_planes_that_the_page_cannot_transform_are_refused(item):
    scene, planes = Scene.of(SimpleNamespace(decoder=Decoder(4)), item), torch.zeros(3, 4, 12, 12)
    with pytest.raises(ValueError, match="side that is a power of two, found 12 x 12"):
        mixes.mixer(scene, planes, planes + 1, mixes.bands())


def test_the_line_goes_from_noise_to_the_prediction_and_is_scored_on_the_pixels_that_count(open_chapter, quiet):
    chapter = open_chapter("C1")
    explorables.show_basins_line(chapter)
    (figure,) = quiet
    back = _tensors(figure)
    for name, start in (("a", "random"), ("b", "predicted")):
        planes = chapter.oracle(start).planes
        assert torch.allclose(back[name], planes, atol=float(planes.max() - planes.min()) / 255)
    scene = Scene.of(chapter.model, chapter.item)
    ends = [
        float(psnr(scene.rendered(chapter.oracle(start).planes), scene.truth).mean())
        for start in ("random", "predicted")
    ]
    scores = figure.content["psnr"]
    np.testing.assert_allclose([scores[0], scores[-1]], ends, rtol=1e-4)


def test_the_pixels_that_count_are_those_of_the_whole_picture(open_chapter):
    chapter = open_chapter("C1")
    scene = replace(Scene.of(chapter.model, chapter.item), stride=3)
    whole = render_images(chapter.model, chapter.predicted, scene.views.cameras, scene.size)
    torch.testing.assert_close(scene.rendered(chapter.predicted), scene.pixels(whole))


def test_a_figure_of_one_kind_is_switched_between_objects(open_chapter, quiet):
    chapter = open_chapter("C1")
    other = replace(chapter, item=replace(chapter.item, name="other"))
    explorables.show_basins_line(chapter, other)
    (figure,) = quiet
    assert figure.content["object"] == chapter.item.name
    (state,) = figure.page_state()["others"]
    assert (state["content"]["object"], state["content"]["psnr"]) == ("other", figure.content["psnr"])


def test_the_marks_of_the_spectrum_are_the_claims_and_the_records(open_chapter):
    chapter = open_chapter("C2")
    content = spectrum_content(chapter)
    for index, (name, band) in enumerate(zip(("low", "mid", "high"), content["bands"], strict=True)):
        there = [published("C2")[key][index] for key in PUBLISHED_OBJECTS]
        assert band["marks"]["amplitude"]["published"] == {"share": np.mean(there), "text": "published"}
        assert "published" not in band["marks"]["power"]
        for measure, column in (("amplitude", "published"), ("power", "power")):
            ours = chapter.table.groupby("object")[f"predicted.{column}.{name}"].mean().mean()
            assert band["marks"][measure]["ours"]["share"] == pytest.approx(ours)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"a": 2.0}, r"within {'a': \(0, 1\)}, found {'a': 2.0}"),
        ({"b": 0.5}, "found {'b': 0.5}"),
    ],
)
def test_a_state_that_no_slider_can_show_is_refused(state, message):
    with pytest.raises(ValueError, match=message):
        check_state(state, [slider("a", "A", 0, 1, 0.1)])


def test_inside_the_low_band_the_lower_cutoff_leaves_the_means_alone(make_chapter, quiet):
    chapter = make_chapter("C6")
    explorables.show_low_band_mixer(chapter)
    content = quiet[-1].content
    side = chapter.predicted.shape[-1]
    assert int(band_masks(side, (0, content["fixed"]["lower"])).sum()) == 1
    assert [preset["state"]["low"] for preset in content["presets"]] == [1, 0, 1, 0]
