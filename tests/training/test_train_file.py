"""Configurations in OpenLRM's layout: what is read, and one sentence that names the key for each fault."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_training import changed, tiny_layout, write_layout

from lrm_core.model.config import PRESETS
from lrm_core.training.upstream.config import read_train_config

SMALL = PRESETS["openlrm-obj-small-1.1"]
AS_PUBLISHED = """
experiment: {type: lrm, seed: 42, parent: lrm-objaverse, child: small-dummyrun}
model: {camera_embed_dim: 1024, rendering_samples_per_ray: 96, transformer_dim: 512, transformer_layers: 12,
        transformer_heads: 8, triplane_low_res: 32, triplane_high_res: 64, triplane_dim: 32, encoder_type: dinov2,
        encoder_model_name: dinov2_vits14_reg, encoder_feat_dim: 384, encoder_freeze: false}
dataset:
  subsets: [{name: objaverse, root_dirs: [rendered], meta_path: {train: a.json, val: b.json}, sample_rate: 1.0}]
  sample_side_views: 3
  source_image_res: 224
  render_image: {low: 64, high: 192, region: 64}
  normalize_camera: true
  normed_dist_to_center: auto
  num_train_workers: 4
  num_val_workers: 2
  pin_mem: true
train:
  mixed_precision: bf16
  find_unused_parameters: false
  loss: {pixel_weight: 1.0, perceptual_weight: 1.0, tv_weight: 5e-4}
  optim: {lr: 4e-4, weight_decay: 0.05, beta1: 0.9, beta2: 0.95, clip_grad_norm: 1.0}
  scheduler: {type: cosine, warmup_real_iters: 3000}
  batch_size: 16
  accum_steps: 1
  epochs: 60
  debug_global_steps: null
val: {batch_size: 4, global_step_period: 1000, debug_batches: null}
saver: {auto_resume: true, load_model: null, checkpoint_root: ./exps/checkpoints, checkpoint_global_steps: 1000,
        checkpoint_keep_level: 5}
logger: {stream_level: WARNING, trackers: [tensorboard], image_monitor: {train_global_steps: 100}}
compile: {suppress_errors: true, disable: true}
"""


@pytest.fixture
def layout(tmp_path):
    return tiny_layout(tmp_path)


def test_the_published_layout_is_read_whole(tmp_path):
    (tmp_path / "train-sample.yaml").write_text(AS_PUBLISHED)
    config = read_train_config(tmp_path / "train-sample.yaml")
    assert config.model == SMALL
    assert (config.lr, config.tv_weight) == (4e-4, 5e-4)  # YAML reads both as text
    assert (config.low, config.high, config.region) == (64, 192, 64)
    assert (config.precision, config.normed_dist_to_center) == ("bf16", "auto")
    assert config.run == Path("exps/checkpoints/lrm-objaverse/small-dummyrun")
    assert config.subsets[0].lists == {"train": Path("a.json"), "val": Path("b.json")}
    assert config.debug_global_steps is None
    assert config.ignored == (
        *("logger", "compile", "dataset.num_train_workers", "dataset.num_val_workers", "dataset.pin_mem"),
        "train.find_unused_parameters",
    )


@pytest.mark.parametrize("written", ["no", "'no'", "false"])
def test_yaml_takes_no_for_false(tmp_path, written):
    path = tmp_path / "a.yaml"
    path.write_text(AS_PUBLISHED.replace("bf16", written))
    assert read_train_config(path).precision == "float32"


def test_the_renders_size_the_model(tmp_path, layout):
    path = write_layout(tmp_path / "a.yaml", changed(layout, dataset__source_image_res=64))
    model = read_train_config(path).model
    assert model == replace(model, source_size=64, render_size=40)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train__optim__momentum": 0.9}, "unknown key train.optim.momentum"),
        ({"model__width": 3}, "unknown key model.width"),
        ({"model__source_size": 32}, "unknown key model.source_size"),
        ({"train__epochs": None}, "lacks train.epochs"),
        ({"model__triplane_dim": None}, "lacks triplane_dim"),
        ({"model__transformer_dim": "wide"}, "transformer_dim"),
        ({"model__vit": 3}, "model.vit: expected sizes by name, found 3"),
        ({"train__optim__lr": "fast"}, "train.optim.lr: expected a number, found 'fast'"),
        ({"train__optim__lr": 0}, "train.optim.lr: expected a number above 0, found 0.0"),
        ({"train__batch_size": 1.5}, "train.batch_size: expected a whole number, found 1.5"),
        ({"train__debug_global_steps": 0}, "train.debug_global_steps: expected at least 1, found 0"),
        ({"train__mixed_precision": "fp16"}, "train.mixed_precision: expected bf16 or no, found 'fp16'"),
        ({"train__scheduler__type": "step"}, "train.scheduler.type: expected 'cosine'"),
        ({"experiment__child": ""}, "experiment.child: expected text, found ''"),
        ({"saver__auto_resume": "maybe"}, "saver.auto_resume: expected true or false, found 'maybe'"),
        ({"dataset__render_image__region": 48}, "dataset.render_image.low: expected at least the region, 48"),
        ({"dataset__render_image__high": 20}, "dataset.render_image.high: expected at least low, 32"),
        ({"dataset__render_image__region": 16}, "region: expected at least 32 pixels, for LPIPS, found 16"),
        ({"dataset__normed_dist_to_center": "far"}, "dataset.normed_dist_to_center: expected a number"),
        ({"dataset__subsets": []}, "dataset.subsets: expected a list of subsets, found []"),
        ({"dataset__subsets": [{"name": "mvimgnet"}]}, "dataset.subsets[0].name: expected objaverse"),
    ],
)
def test_each_fault_names_its_key(tmp_path, layout, changes, message):
    path = write_layout(tmp_path / "a.yaml", changed(layout, **changes))
    with pytest.raises(ValueError, match=re.escape(message)) as error:
        read_train_config(path)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [("a: [1", "not readable as YAML"), ("- 1", "expected keys such as"), ("", "expected keys such as")],
)
def test_what_is_no_configuration(tmp_path, text, message):
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_train_config(tmp_path / "a.yaml")
    with pytest.raises(FileNotFoundError, match=r"b\.yaml: no such file"):
        read_train_config(tmp_path / "b.yaml")
