"""A chapter, and functions as the chapters define them in their cells."""

from pathlib import Path
from types import SimpleNamespace

import torch

from lrm_core import load_model
from lrm_core.measure.oracles import OracleConfig
from lrm_core.profiles import Profile
from lrm_core.render import render_views
from lrm_core.spectral import frequency_radius

RANGES = {"cutoff": (0.05, 2.0), "gain": (0.0, 1.5)}


def tiny_chapter(disk: Path) -> SimpleNamespace:
    """What a bench needs of a chapter, on a tiny model and the objects of a folder."""
    plan = Profile("tiny", "tiny", (str(disk / "profile"),), 1, iterations=3, rays_per_step=64, seeds=(0,))
    model = load_model(disk / "tiny.safetensors").requires_grad_(False)
    config = OracleConfig(iterations=3, rays_per_step=64, lr=0.1)
    return SimpleNamespace(plan=plan, model=model, oracle_config=config, seed=0, item=SimpleNamespace(name="bowl"))


def by_power(residual, cutoff=0.3):
    """Share of the power below a cutoff."""
    power = torch.fft.fft2(residual).abs().square().sum((0, 1))
    return {"low": (power[frequency_radius(*power.shape) < cutoff].sum() / power.sum()).item()}


def improvement(model, T_pred, residual, views, cutoff=0.3, gain=1.0):
    """A prediction less a part of its residual, beside the oracle, and how far they are apart."""
    kept = gain * (frequency_radius(*residual.shape[-2:]) < cutoff)
    part = torch.fft.ifft2(kept.float() * torch.fft.fft2(residual)).real
    side = views.images.shape[-1]
    corrected, oracle = (
        render_views(planes[None], model.decoder, views.cameras[None], side, samples_per_ray=8).rgb[0]
        for planes in (T_pred - part, T_pred - residual)
    )
    return {"corrected": corrected, "oracle": oracle, "left": (corrected - oracle).abs().sum().item()}
