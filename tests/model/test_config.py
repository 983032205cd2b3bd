"""Sizes: presets, OpenLRM's config.json, the JSON round trip, and what is refused."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from lrm_core.model.config import ENCODERS, MINI, PRESETS, LRMConfig, ViTConfig

FIXTURES = Path(__file__).parents[1] / "fixtures"
PUBLISHED = json.loads((FIXTURES / "openlrm_state_dict.json").read_text())


@pytest.mark.parametrize("size", ["small", "base", "large"])
@pytest.mark.parametrize("data", ["obj", "mix"])
def test_published_config_gives_preset(size: str, data: str) -> None:
    assert LRMConfig.from_openlrm(PUBLISHED[size]["config"]) == PRESETS[f"openlrm-{data}-{size}-1.1"]


@pytest.mark.parametrize("name", PRESETS)
def test_round_trip_through_json(name: str) -> None:
    config = PRESETS[name]
    assert LRMConfig.from_openlrm(json.loads(json.dumps(config.to_dict()))) == config


def test_vit_overrides_named_encoder() -> None:
    shrunk = {**PUBLISHED["small"]["config"], "encoder_feat_dim": 48}
    config = LRMConfig.from_openlrm(shrunk, vit={"embed_dim": 48, "num_heads": 3})
    assert config.vit == replace(ENCODERS["dinov2_vits14_reg"], embed_dim=48, num_heads=3)
    assert (config.source_size, config.render_size) == (224, 224)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"transformer_heads": 7}, r"transformer_dim \(256\) must be a multiple of transformer_heads \(7\)"),
        ({"triplane_high_res": 48}, r"twice triplane_low_res \(16\), found 48"),
        ({"encoder_feat_dim": 384}, r"encoder_feat_dim \(384\) must equal vit.embed_dim \(256\)"),
        ({"encoder_type": "dino"}, "encoder_type must be 'dinov2', found 'dino'"),
        ({"triplane_dim": 0}, "triplane_dim must be a whole number of at least 1, found 0"),
        ({"transformer_layers": 2.5}, "transformer_layers must be a whole number of at least 1, found 2.5"),
        ({"source_size": 100}, r"source_size \(100\) must be a multiple of vit.patch_size \(8\)"),
    ],
)
def test_contradicting_sizes_are_refused(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(MINI, **changes)


def test_vit_refuses_heads_that_do_not_divide() -> None:
    with pytest.raises(ValueError, match=r"vit.embed_dim \(48\) must be a multiple of vit.num_heads \(5\)"):
        ViTConfig(embed_dim=48, depth=1, num_heads=5)


@pytest.mark.parametrize(
    ("changes", "vit", "message"),
    [
        ({"triplane_dim": None}, {}, "the model configuration lacks triplane_dim"),
        (
            {"encoder_model_name": "vit_x"},
            {"embed_dim": 768},
            r"'vit_x' is not one of .* \['depth', 'num_heads'\]",
        ),
        ({}, {"width": 3}, r"vit has unknown keys \['width'\]"),
    ],
)
def test_keys_that_are_missing_or_unknown_are_named(changes: dict, vit: dict, message: str) -> None:
    config = {key: value for key, value in (PUBLISHED["base"]["config"] | changes).items() if value is not None}
    with pytest.raises(ValueError, match=message):
        LRMConfig.from_openlrm(config, vit=vit)
