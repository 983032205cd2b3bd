import csv
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file
from tiny_batches import ray_batch
from tiny_model import TINY

from lrm_core.model import checkpoints
from lrm_core.model.lrm import LRM
from lrm_core.objects.manifest import read_manifest
from lrm_core.objects.procedural import FIRST_HELD_OUT_SEED
from lrm_core.render.field import Field
from lrm_core.training import pretrain as module
from lrm_core.training.optimisers import rate, split_parameters
from lrm_core.training.pretrain import new_state, pretrain, train_step
from lrm_core.training.pretrain_batch import cast_scene, draw_scene
from lrm_core.training.pretrain_config import PretrainConfig
from lrm_core.training.pretrain_data import training_seeds
from lrm_core.training.pretrain_loss import (
    RAW_FREE,
    emptiness_loss,
    predict,
    reconstruction_loss,
    shape_loss,
    total_variation,
)
from lrm_core.training.publish import publish

SHORT = PretrainConfig(
    steps=4, batch=4, group=2, views=2, rays=32, warmup=1, precision="float32", checkpoint_every=2, validate_every=2
)


class Killed(Exception):
    pass


def killed_and_unbroken(tmp_path, monkeypatch, config, killed_at):
    """Final states of a run that died before a step and went on, and of one that did not."""
    pretrain(tmp_path / "unbroken", TINY, config)

    def dies(state, *arguments):
        if state.step == killed_at:
            raise Killed
        return train_step(state, *arguments)

    monkeypatch.setattr(module, "train_step", dies)
    with pytest.raises(Killed):
        pretrain(tmp_path / "broken", TINY, config)
    monkeypatch.setattr(module, "train_step", train_step)
    pretrain(tmp_path / "broken", TINY, config)
    return [load_file(tmp_path / run / "state.safetensors") for run in ("broken", "unbroken")]


def test_a_killed_run_resumes_bit_by_bit(tmp_path, monkeypatch):
    ours, theirs = killed_and_unbroken(tmp_path, monkeypatch, SHORT, killed_at=3)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    rows = [list(csv.DictReader((tmp_path / run / "curve.csv").open())) for run in ("broken", "unbroken")]
    ours, theirs = ([(row["step"], row["novel_psnr"]) for row in part] for part in rows)
    assert ours == theirs
    assert [row["step"] for row in rows[0]] == ["2", "4"]


@pytest.mark.parametrize("content", [b"not a checkpoint", b""])
def test_a_damaged_checkpoint_is_named(tmp_path, content):
    pretrain(tmp_path, TINY, replace(SHORT, steps=2))
    (tmp_path / "state.safetensors").write_bytes(content)
    with pytest.raises(ValueError, match=r"state\.safetensors: not a whole safetensors file"):
        pretrain(tmp_path, TINY, replace(SHORT, steps=2))


def test_published_weights_are_the_average_and_load(tmp_path):
    config = replace(SHORT, steps=2)
    state = pretrain(tmp_path / "run", TINY, config)
    publish(tmp_path / "run", TINY, config, tmp_path / "mini.safetensors")
    model = checkpoints.load_model(str(tmp_path / "mini.safetensors"))
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter, state.average[name], rtol=2e-3, atol=1e-5)
    card = (tmp_path / "MODEL_CARD.md").read_text()
    assert "2 of batch 4" in card
    assert "{" not in card


def test_weights_published_into_the_data_are_in_its_manifest(tmp_path, monkeypatch):
    config = replace(SHORT, steps=2)
    pretrain(tmp_path / "run", TINY, config)
    monkeypatch.setattr("lrm_core.training.publish.data_dir", lambda: tmp_path / "data")
    publish(tmp_path / "run", TINY, config, tmp_path / "data/mini/mini.safetensors")
    listed = [entry.path for entry in read_manifest(tmp_path / "data")]
    assert listed == ["mini/MODEL_CARD.md", "mini/mini.safetensors", "mini/pretrain_curve.csv"]


def test_learning_rate_warms_up_and_ends_at_a_hundredth():
    config = PretrainConfig(steps=100, warmup=10)
    rates = [rate(step, config) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9] == pytest.approx(1.0)
    assert rates[99] == pytest.approx(0.01, rel=0.05)
    assert all(late <= early for early, late in pairwise(rates[10:]))


def test_hidden_matrices_leave_out_norms_embeddings_and_the_decoder():
    model = LRM(TINY)
    names = {id(p): name for name, p in model.named_parameters()}
    hidden, rest = ({names[id(p)] for p in part} for part in split_parameters(model))
    assert hidden | rest == set(names.values())
    assert not hidden & rest
    assert {"transformer.layers.0.mlp.0.weight", "encoder.model.blocks.0.attn.qkv.weight"} <= hidden
    assert {"pos_embed", "encoder.model.pos_embed", "transformer.norm.weight", "upsampler.weight"} <= rest
    assert {name for name in names.values() if "decoder" in name} <= rest


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_a_step_on_cuda_lowers_the_loss_that_the_cpu_finds():
    """Its rays are the CPU's, their samples are not: there every object is rendered at once."""
    config = replace(SHORT, group=4)
    scene = draw_scene(0, config, TINY.source_size, 0.0)
    batches = [cast_scene(scene, config, TINY.source_size, 0.0, device) for device in ("cpu", "cuda")]
    for name, value in vars(batches[0]).items():
        if torch.is_tensor(value):
            torch.testing.assert_close(vars(batches[1])[name].cpu(), value, atol=1e-4, rtol=1e-4)
    losses = {}
    for batch, device in zip(batches, ("cpu", "cuda"), strict=True):
        state = new_state(TINY, config, device)
        loss = reconstruction_loss(state.model, batch, config, torch.Generator().manual_seed(0), 0.0)
        losses[device] = loss.item()
    assert losses["cuda"] == pytest.approx(losses["cpu"], rel=0.02)
    team = SimpleNamespace(device=torch.device("cuda"), process_index=0, num_processes=1)
    again = iter([scene] * 20)
    found = [train_step(state, replace(config, steps=1000), team, again) for _ in range(20)]
    assert found[-1] < found[0]


def test_no_training_object_is_held_out():
    for step in (0, 1, 10**9):
        seeds = training_seeds(step, 8)
        assert len(seeds) == 8
        assert 0 <= min(seeds) <= max(seeds) < FIRST_HELD_OUT_SEED


def test_batches_are_fixed_by_their_step_and_half_on_the_object():
    first, again, other = (ray_batch(step, batch=2, views=4, rays=64, size=16) for step in (5, 5, 6))
    assert torch.equal(first.rgb, again.rgb)
    assert torch.equal(first.sources, again.sources)
    assert not torch.equal(first.sources, other.sources)
    assert first.sources.shape == (2, 3, 16, 16)
    assert 0.3 < first.alpha.mean() < 0.8
    torch.testing.assert_close(first.directions.norm(dim=-1), torch.ones(2, 64))
    assert (first.rgb[first.alpha.expand_as(first.rgb) == 0] == 0).all()


def test_rays_of_the_source_view_see_the_source_image():
    """The targets are in the normalised world: a ray through a source pixel carries that pixel's colour."""
    batch = ray_batch(3, batch=2, views=1, rays=400, size=64)
    for n in range(2):
        camera = batch.cameras[n]
        position, directions = camera[:12].view(3, 4)[:, 3], batch.directions[n]
        torch.testing.assert_close(batch.origins[n], position.expand_as(directions), atol=1e-5, rtol=0)
        local = directions @ camera[:12].view(3, 4)[:, :3]
        column = ((local[:, 0] / -local[:, 2] * 0.75 + 0.5) * 64).long()
        row = ((-local[:, 1] / -local[:, 2] * 0.75 + 0.5) * 64).long()
        seen = batch.rgb[n] + 1 - batch.alpha[n]
        error = (batch.sources[n][:, row, column].T - seen).abs().amax(-1)
        assert (error < 0.1).float().mean() > 0.7  # the rest lie within a pixel of an edge


def test_points_know_whether_they_are_solid_in_the_normalised_world():
    batch = ray_batch(1, batch=3, views=2, rays=128, size=16)
    assert batch.points.shape == (3, 512, 3)
    assert batch.solid.shape == (3, 512)
    assert 0.3 < batch.solid[:, :256].float().mean() < 0.5
    assert 0.01 < batch.solid[:, 256:].float().mean() < 0.2
    assert (batch.points[batch.solid].norm(dim=-1) <= 0.96).all()


def test_shares_make_the_kept_rays_stand_for_all():
    """Weighted by its share, coverage has the mean of the rays that were drawn evenly over the views."""
    kept = ray_batch(2, batch=3, views=2, rays=300, size=16)
    even = ray_batch(2, batch=3, views=2, rays=3000, size=16)
    assert torch.allclose(kept.share.mean(1), torch.ones(3, 1), atol=1e-5)
    weighted = (kept.share * kept.alpha).mean(1)
    assert (weighted < kept.alpha.mean(1)).all()
    torch.testing.assert_close(weighted, (even.share * even.alpha).mean(1), atol=0.06, rtol=0)


def test_the_shape_counts_less_and_less_and_the_end_is_rendering_alone():
    torch.manual_seed(0)
    model, batch = LRM(TINY), ray_batch(0, batch=2, views=2, rays=32, size=32)
    config = replace(SHORT, shape_weight=0.5, shape_until=0.5, tv_weight=0.0, empty_weight=0.0)

    def loss(progress):
        return reconstruction_loss(model, batch, config, torch.Generator().manual_seed(0), progress)

    shape = shape_loss(predict(model, batch, "float32"), model.decoder, batch)
    torch.testing.assert_close(loss(0.0) - loss(0.25), 0.25 * shape)
    torch.testing.assert_close(loss(0.25) - loss(0.5), 0.25 * shape)
    assert loss(0.5) == loss(1.0)


def test_every_ray_counts_by_its_share_of_the_pictures():
    torch.manual_seed(0)
    model, batch = LRM(TINY), ray_batch(0, batch=2, views=2, rays=32, size=32)
    config = replace(SHORT, shape_weight=0.0, tv_weight=0.0, empty_weight=0.0)

    def loss(share):
        weighted = replace(batch, share=share)
        return reconstruction_loss(model, weighted, config, torch.Generator().manual_seed(0), 0.0)

    on = batch.alpha * batch.share
    torch.testing.assert_close(loss(batch.share), loss(on) + loss(batch.share - on))
    assert loss(batch.share) != loss(torch.ones_like(batch.share))


def test_shape_loss_is_the_cross_entropy_of_absorption_within_a_texel():
    torch.manual_seed(0)
    model = LRM(TINY)
    batch = ray_batch(0, batch=2, views=2, rays=32, size=32)
    planes = torch.randn(2, 3, 4, 8, 8)
    raw = torch.stack([Field(p, model.decoder).raw(x)[:, 0] for p, x in zip(planes, batch.points, strict=True)])
    absorbed = 1 - torch.exp(-torch.nn.functional.softplus(raw - 1) * 2 / 8)
    expected = torch.nn.functional.binary_cross_entropy(absorbed, batch.solid.float())
    torch.testing.assert_close(shape_loss(planes, model.decoder, batch), expected, rtol=1e-4, atol=1e-6)


def test_emptiness_counts_density_on_free_rays_only():
    torch.manual_seed(0)
    model = LRM(TINY)
    batch = ray_batch(0, batch=2, views=2, rays=64, size=32)
    planes = torch.zeros(2, 3, 4, 8, 8)
    loss = emptiness_loss(planes, model.decoder, batch, torch.Generator().manual_seed(0))
    raw = Field(planes[0], model.decoder).raw(torch.zeros(1, 3))[0, 0]
    torch.testing.assert_close(loss, raw - RAW_FREE)
    nothing_free = replace(batch, alpha=torch.ones_like(batch.alpha))
    assert emptiness_loss(planes, model.decoder, nothing_free, torch.Generator()) == 0


def training_batch(number, config, size, progress):
    """The batch of a group."""
    return cast_scene(draw_scene(number, config, size, progress), config, size, progress)


def test_shape_loss_stays_finite_in_emptiness_and_in_rock():
    decoder = LRM(TINY).decoder
    batch = ray_batch(0, batch=2, views=2, rays=32, size=32)
    for bias in (-200.0, 200.0):
        torch.nn.init.constant_(decoder.net[6].bias, bias)
        planes = torch.zeros(2, 3, 4, 8, 8, requires_grad=True)
        loss = shape_loss(planes, decoder, batch)
        loss.backward()
        assert loss.isfinite()
        assert planes.grad.isfinite().all()


def test_total_variation_of_a_ramp():
    ramp = torch.arange(4.0).expand(1, 3, 2, 4, 4)
    assert total_variation(ramp).item() == 1.0
