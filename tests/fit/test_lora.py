"""Adapters: as many parameters as published, the identity at first, the same picture merged."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_model import TINY

from lrm_core.fit.lora import SCALE, Adapters
from lrm_core.model.config import BASE, ViTConfig
from lrm_core.model.lrm import LRM
from lrm_core.render import render_views
from lrm_core.render.cameras import canonical_source_camera, orbit_poses, standard_camera

OTHER_WIDTH = replace(TINY, encoder_feat_dim=12, vit=ViTConfig(12, 1, 2, patch_size=8, pos_grid=4))
FORMS = pytest.mark.parametrize("form", ["output", "projections"])
BOTH = pytest.mark.parametrize("config", [TINY, OTHER_WIDTH], ids=["packed", "unpacked"])


def build(config=TINY) -> LRM:
    torch.manual_seed(0)
    return LRM(config).eval()


def planes(model: LRM) -> torch.Tensor:
    image = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    return model.predict_planes(image, canonical_source_camera())


@torch.no_grad()
def trained(adapters: Adapters) -> Adapters:
    """Adapters that have gone some way."""
    generator = torch.Generator().manual_seed(2)
    for parameter in adapters.model.parameters():
        if parameter.requires_grad:
            parameter.copy_(0.2 * torch.randn(parameter.shape, generator=generator))
    return adapters


@pytest.mark.parametrize(("rank", "published"), [(4, 147_456), (8, 294_912)])
def test_the_base_model_has_the_published_number_of_parameters(rank, published):
    with torch.device("meta"):
        adapters = Adapters(LRM(BASE), rank)
    assert len(adapters) == 24
    assert sum(value.numel() for value in adapters.state().values()) == published
    assert sum(p.numel() for p in adapters.model.parameters() if p.requires_grad) == published


def test_the_published_form_updates_the_output_of_each_attention():
    """y + 2 B A y, against the plain attention and a product of two matrices."""
    model = trained(Adapters(build(), 3)).model
    plain = build()
    tokens = torch.randn(1, 7, 24, generator=torch.Generator().manual_seed(6))
    for name in ("cross_attn", "self_attn"):
        adapted, untouched = (getattr(m.transformer.layers[0], name) for m in (model, plain))
        a, b = adapted.out_proj.lora_A["default"].weight, adapted.out_proj.lora_B["default"].weight
        y = untouched(tokens, tokens)
        torch.testing.assert_close(adapted(tokens, tokens), y + SCALE * (y @ a.T) @ b.T)


def test_the_other_form_updates_the_projections():
    """(W + 2 B A) x for each matrix, in a plain attention."""
    adapters = trained(Adapters(build(), 3, "projections"))
    plain = build().transformer.layers[0].self_attn
    state = {name.split("self_attn.")[1]: v for name, v in adapters.state().items() if "self_attn" in name}
    with torch.no_grad():
        plain.in_proj_weight += SCALE * state["lora_B.weight"] @ state["lora_A.weight"]
        inner = "base_layer.out_proj.lora_{}.weight"
        plain.out_proj.weight += SCALE * state[inner.format("B")] @ state[inner.format("A")]
    tokens = torch.randn(1, 7, 24, generator=torch.Generator().manual_seed(6))
    adapted = adapters.model.transformer.layers[0].self_attn
    torch.testing.assert_close(adapted(tokens, tokens), plain(tokens, tokens))


@BOTH
@FORMS
def test_adapters_start_as_the_identity_and_a_merged_model_renders_as_the_adapted_one(form, config):
    model = build(config)
    before = planes(model)
    adapters = Adapters(model, 2, form)
    assert torch.equal(planes(model), before)
    merged = trained(adapters).merged()
    cameras = standard_camera(orbit_poses(2), torch.tensor([[0.75, 0.75], [0.5, 0.5], [1.0, 1.0]]).expand(2, 3, 2))
    views = [render_views(planes(m), m.decoder, cameras[None], 16, samples_per_ray=16).rgb for m in (model, merged)]
    torch.testing.assert_close(*views, atol=1e-5, rtol=0)
    torch.testing.assert_close(planes(merged), planes(model), atol=1e-5, rtol=1e-4)
    assert (planes(model) - before).abs().max() > 0.05
    assert merged.state_dict().keys() == build(config).state_dict().keys()
    assert len(adapters) > 0


@BOTH
@FORMS
def test_saved_adapters_load(tmp_path, form, config):
    adapters = trained(Adapters(build(config), 2, form))
    adapters.save(tmp_path / "adapter.safetensors")
    loaded = Adapters.load(build(config), tmp_path / "adapter.safetensors")
    assert (loaded.rank, loaded.form) == (2, form)
    assert torch.equal(planes(loaded.model), planes(adapters.model))


def test_stock_peft_reads_the_projections(tmp_path):
    from peft import LoraConfig, PeftModel, set_peft_model_state_dict  # after lrm_core has made way for torchvision

    adapters = trained(Adapters(build(), 2, "projections"))
    adapters.save(tmp_path / "adapter.safetensors")
    model = build()
    config = LoraConfig(r=2, lora_alpha=4, target_modules=["out_proj"], target_parameters=["in_proj_weight"])
    set_peft_model_state_dict(PeftModel(model.transformer, config), load_file(tmp_path / "adapter.safetensors"))
    assert torch.equal(planes(model), planes(adapters.model))


def test_files_that_do_not_fit_are_named(tmp_path):
    Adapters(build(), 2).save(tmp_path / "adapter.safetensors")
    save_file({"a": torch.zeros(1)}, tmp_path / "foreign.safetensors")
    (tmp_path / "cut.safetensors").write_bytes(b"cut")
    deeper = build(replace(TINY, transformer_layers=2))
    for name, model, said in (
        ("none", build(), "no such file"),
        ("foreign", build(), "not a file of adapters"),
        ("adapter", deeper, "the parameters do not fit .* 4 missing"),
        ("cut", build(), "not a whole safetensors file"),
    ):
        with pytest.raises((FileNotFoundError, ValueError), match=rf"{name}\.safetensors: {said}"):
            Adapters.load(model, tmp_path / f"{name}.safetensors")


@pytest.mark.parametrize(
    ("given", "said"),
    [((0,), "found 0, 'output'"), ((4, "input"), "found 4, 'input'"), ((2,), "has adapters already")],
)
def test_bad_input(given, said):
    model = Adapters(build(), 2).model if "already" in said else build()
    with pytest.raises(ValueError, match=said):
        Adapters(model, *given)
