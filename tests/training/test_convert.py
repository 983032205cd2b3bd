"""Released checkpoints and files hold the same model, whichever way they are made."""

import json
from dataclasses import replace

import pytest
import torch
from click.testing import CliRunner
from test_pretrain import SHORT, TINY

from lrm_core.cli import main
from lrm_core.fit.runs import claim_folder
from lrm_core.model.checkpoints import load_model, read_metadata
from lrm_core.model.config import PRESETS, LRMConfig
from lrm_core.model.lrm import LRM
from lrm_core.render import render_views
from lrm_core.render.cameras import canonical_source_camera, orbit_poses, standard_camera
from lrm_core.training.pretrain import new_state
from lrm_core.training.publish import convert

KEYS = {
    *("camera_embed_dim", "rendering_samples_per_ray", "transformer_dim", "transformer_layers"),
    *("transformer_heads", "triplane_low_res", "triplane_high_res", "triplane_dim", "encoder_type"),
    *("encoder_model_name", "encoder_feat_dim", "encoder_freeze"),
}


def picture(model: LRM) -> torch.Tensor:
    size = model.config.source_size
    image = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    planes = model.predict_planes(image, canonical_source_camera())
    intrinsics = torch.tensor([[0.75, 0.75], [0.5, 0.5], [1.0, 1.0]])
    return render_views(planes, model.decoder, standard_camera(orbit_poses(2)[None], intrinsics), 16).rgb


@torch.no_grad()
def test_the_mini_model_there_and_back(tmp_path):
    expected = load_model("mini")
    convert("mini", tmp_path / "released")
    convert(tmp_path / "released", tmp_path / "back.safetensors")
    for place in (tmp_path / "released", tmp_path / "back.safetensors"):
        found = load_model(place)
        assert found.config == expected.config
        assert all(torch.equal(found.state_dict()[k], v) for k, v in expected.state_dict().items())
        assert torch.equal(picture(found), picture(expected))
    assert sorted(p.name for p in (tmp_path / "released").iterdir()) == ["config.json", "model.safetensors"]
    assert json.loads((tmp_path / "released/config.json").read_text()).keys() == KEYS | {
        *("vit", "source_size", "render_size")
    }


def test_what_openlrm_cannot_say_is_said():
    other = replace(PRESETS["openlrm-obj-small-1.1"], source_size=448)
    assert other.to_openlrm().keys() == KEYS | {"source_size"}
    assert LRMConfig.from_openlrm(other.to_openlrm()) == other
    assert "OpenLRM ignores source_size in config.json" in other.what_openlrm_lacks()
    assert "has no encoder vit_mini8_reg" in PRESETS["mini"].what_openlrm_lacks()


def test_of_a_pretraining_the_average_is_taken(tmp_path):
    state = new_state(TINY, SHORT)
    state.average["pos_embed"] += 1
    state.step = 3
    state.save(tmp_path / "run/state.safetensors")
    claim_folder(tmp_path / "run/config.json", {"model": TINY.to_dict()})
    for source in (tmp_path / "run", tmp_path / "run/state.safetensors"):
        target = tmp_path / f"{source.name}.out"
        convert(source, target)
        assert torch.equal(load_model(target).pos_embed, state.average["pos_embed"])
        assert read_metadata(target / "model.safetensors")["steps"] == "3"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("nowhere", "unknown model 'nowhere'"),
        ("{0}/a.safetensors", "no such checkpoint"),
        ("{0}/finetuned", "the state of a fine-tuning holds only what it trains"),
        ("{0}/damaged", "not a whole safetensors file"),
        ("{0}/lonely", "expected the configuration of the run beside its state"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(tmp_path, source, message):
    for name, model in (("finetuned", "a hash"), ("damaged", TINY.to_dict()), ("lonely", None)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "state.safetensors").write_bytes(b"damaged")
        if model:
            claim_folder(tmp_path / name / "config.json", {"model": model})
    result = CliRunner().invoke(main, ["convert", source.format(tmp_path), str(tmp_path / "out")])
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "out").exists()


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "a.safetensors").write_text("mine")
    with pytest.raises(FileExistsError, match="exists already"):
        convert("mini", tmp_path / "a.safetensors")
    assert (tmp_path / "a.safetensors").read_text() == "mine"
