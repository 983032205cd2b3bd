"""Oracles from batches of rays against the published whole views: `python benchmarks/batches.py`.

Three objects of the profile `mini`, their training views averaged to 64 pixels so that 2,000 steps of four whole
views (16,384 rays) are feasible on a CPU. Renders of the two oracles are compared in the held-out views at 128
pixels, and the residual's shares that C2 is judged by. Each kind of batch but the published is judged by `LIMITS`,
which were stated before the first run; a second seed tells how far two fits of one kind are apart.
"""

import time
from statistics import fmean

import torch
from keep import keep
from torch import Tensor

from lrm_core import LRM, load_model
from lrm_core.findings.c02 import SLACK
from lrm_core.fit import fit_oracle
from lrm_core.measure.e01_oracle import quality
from lrm_core.measure.e05_residual_spectrum import shares_summary
from lrm_core.measure.metrics import BANDS
from lrm_core.measure.oracles import predicted_planes, render_images, split_views
from lrm_core.objects import RenderedObject
from lrm_core.profiles import DAMPED, MINI, PAPER
from lrm_core.records.runner import load_item
from lrm_core.render.quality import psnr

OBJECTS = ("cc0_JapaneseLantern", "cc0_antiqueChair", "procedural_10000000")
SIDE, RAYS = 64, MINI.rays_per_step
WHOLE = "whole views"
KINDS = {
    "rays": {"rays_per_step": RAYS},
    "rays, damped": {"rays_per_step": RAYS, "lr": DAMPED[0], "eps": DAMPED[1]},
    "rays, another seed": {"rays_per_step": RAYS, "seed": 1},
    WHOLE: {"views_per_step": PAPER.views_per_step},
}
# Each on every object. The renders of the two oracles differ less from each other than an oracle of this model
# differs from the truth (28 dB in held-out views); shares as near as C2 asks of ours and the
# published, and the high band over the low one in both or in neither.
LIMITS = {
    "renders, PSNR at least": 30.0,
    "renders, L1 at most": 0.01,
    "held-out PSNR lost at most": 0.3,
    "a share off at most": SLACK,
}


def fit(model: LRM, item: RenderedObject, **kind: float) -> tuple[Tensor, float]:
    """The planes of an oracle from the prediction, and the CPU seconds of its fit."""
    train = item.averaged(SIDE).views(split_views(item)[0])
    began = time.process_time()
    plan = {
        "iterations": PAPER.iterations,
        "progress": False,
        "samples_per_ray": model.config.rendering_samples_per_ray,
    }
    fitted = fit_oracle(predicted_planes(model, item), model.decoder, train, **plan, **kind)
    return fitted.planes, time.process_time() - began


@torch.no_grad()
def described(model: LRM, item: RenderedObject, planes: Tensor) -> dict:
    """Quality of an oracle and the shares of the residual to it."""
    return quality(model, planes, item) | shares_summary(predicted_planes(model, item) - planes)


@torch.no_grad()
def compared(model: LRM, item: RenderedObject, oracles: dict[str, Tensor], found: dict, kind: str) -> dict:
    """How far the oracle of a kind is from that of whole views, and whether within the limits."""
    heldout = item.views(split_views(item)[1])
    ours, whole = (
        render_images(model, oracles[name], heldout.cameras, item.images.shape[-1]) for name in (kind, WHOLE)
    )
    off = {
        measure: {band: found[kind][measure][band] - found[WHOLE][measure][band] for band in BANDS}
        for measure in ("published", "power")
    }
    signs = all(
        (found[kind][measure]["high_minus_low"] > 0) == (found[WHOLE][measure]["high_minus_low"] > 0)
        for measure in off
    )
    near, apart = float(psnr(ours, whole).mean()), float((ours - whole).abs().mean())
    lost = found[WHOLE]["heldout_psnr"] - found[kind]["heldout_psnr"]
    least, most, loss, share = LIMITS.values()
    worst = max(abs(value) for bands in off.values() for value in bands.values())
    return {
        "renders, PSNR": near,
        "renders, L1": apart,
        "held-out PSNR lost": lost,
        "shares less those of whole views": off,
        "same sign of high minus low": signs,
        "within the limits": near >= least and apart <= most and lost <= loss and worst <= share and signs,
    }


def main() -> None:
    """Fit every kind on every object; what is done is kept after each object."""
    torch.set_num_threads(1)
    model = load_model("mini").eval().requires_grad_(False)
    figures = {"limits": LIMITS, "side": SIDE, "rays a step": RAYS, "objects": {}}
    for name in OBJECTS:
        item = load_item(MINI, MINI.object_folder(name))
        fits = {kind: fit(model, item, **how) for kind, how in KINDS.items()}
        oracles = {kind: planes for kind, (planes, _) in fits.items()}
        found = {
            kind: described(model, item, planes) | {"CPU seconds": seconds}
            for kind, (planes, seconds) in fits.items()
        }
        for kind in list(KINDS)[:-1]:
            found[kind]["against whole views"] = compared(model, item, oracles, found, kind)
        figures["objects"][name] = found
        done = figures["objects"].values()
        figures["within the limits"] = {
            kind: all(each[kind]["against whole views"]["within the limits"] for each in done)
            for kind in list(KINDS)[:-1]
        }
        figures["whole views cost over rays"] = fmean(
            each[WHOLE]["CPU seconds"] / each["rays"]["CPU seconds"] for each in done
        )
        keep("batches", figures)


if __name__ == "__main__":
    main()
