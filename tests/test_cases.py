"""Small files made after public reports of people's pictures and of damaged state, each with its right outcome."""

import shutil
from pathlib import Path

import pytest
import torch

from lrm_core import load_model
from lrm_core.fit.lora import Adapters, Tuning
from lrm_core.objects.files import read_array, read_rgba
from lrm_core.objects.pictures import framed, load_picture
from lrm_core.records.arms import ARMS
from lrm_core.records.store import ResultStore

FIXTURES = Path(__file__).parent / "fixtures"
PICTURES, STATES = FIXTURES / "pictures", FIXTURES / "state"


def test_of_two_pictures_in_a_jpeg_the_first_is_read():
    first, alone = load_picture(PICTURES / "a1_mpo.jpg"), load_picture(PICTURES / "a0_white.png")
    assert first.image.shape == alone.image.shape
    assert float((first.image - alone.image).abs().mean()) < 0.02


def test_one_pixel_of_alpha_is_no_cut_out():
    with pytest.raises(ValueError, match=r"(?s)a2_rgba_one_pixel_254\.png: .*rembg"):
        load_picture(PICTURES / "a2_rgba_one_pixel_254.png")


def test_dust_does_not_move_the_frame():
    mask = framed(load_picture(PICTURES / "b5_dust_pixel.png"), 128).mask > 0.5
    rows, columns = (torch.nonzero(mask.any(axis)).flatten() for axis in (1, 0))
    for places in (rows, columns):
        assert float(places[0] + places[-1]) / 2 == pytest.approx(63.5, abs=2)
        assert float(places[-1] - places[0] + 1) == pytest.approx(0.67 * 128, abs=3)


def test_colours_of_another_profile_become_srgb():
    picture = load_picture(PICTURES / "c4_display_p3.png")
    inside = picture.image[:, picture.mask > 0.99]
    assert (inside.median(dim=1).values * 255).round().tolist() == pytest.approx([0, 193, 22], abs=2)


@pytest.mark.parametrize("name", ["record_nan.json", "record_other_AttributeError_9.json"])
def test_damaged_records_are_refused_by_name(name, tmp_path):
    place = tmp_path / "e05_residual_spectrum" / "thing-s0.json"
    place.parent.mkdir()
    shutil.copyfile(STATES / name, place)
    with pytest.raises(ValueError, match=r"thing-s0\.json"):
        ResultStore(tmp_path).table("e05_residual_spectrum")


def test_flipped_bits_of_a_png_are_refused_by_name():
    with pytest.raises(ValueError, match=r"png_idat_flip_accepted\.png"):
        read_rgba(STATES / "png_idat_flip_accepted.png")


def test_a_header_of_an_array_that_is_no_python_is_refused_by_name():
    with pytest.raises(ValueError, match=r"npy_other_TokenError_2\.npy"):
        read_array(STATES / "npy_other_TokenError_2.npy")


def test_adapters_and_states_of_training_are_refused_by_name(tmp_path):
    model = load_model("mini")
    with pytest.raises(ValueError, match=r"adapter_unnamed_1\.safetensors"):
        Adapters.load(model, STATES / "adapter_unnamed_1.safetensors")
    with pytest.raises(ValueError, match=r"finetune_state_nan\.safetensors"):
        Tuning(model, ARMS["lora_mse"].config).load(STATES / "finetune_state_nan.safetensors")


def test_a_config_that_is_none_is_refused_by_name(tmp_path):
    shutil.copyfile(STATES / "config.json_unnamed_15.json", tmp_path / "config.json")
    shutil.copyfile(STATES / "adapter_unnamed_1.safetensors", tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match=r"config\.json"):
        load_model(tmp_path)
