"""The original's numbers on a GPU, and how long things take there: `python benchmarks/cuda.py`.

Parity is the largest difference to the vectors in `tests/fixtures/parity`, over the largest value expected for
features and planes. The published architectures are timed with random parameters, the renderer by each of its paths
with a ball, beside what is aimed at. The path that wins here is to be named in `lrm_core.render.volume.ON_CUDA`.
"""

import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import torch
from keep import keep
from safetensors.torch import load_file
from scene import ball, orbit_cameras
from torch import Tensor

from lrm_core.fit import fit_oracle
from lrm_core.model.config import MINI, PRESETS, LRMConfig
from lrm_core.model.lrm import LRM, Decoder
from lrm_core.model.transformer import _xformers_operator
from lrm_core.render import Views, render_views, volume
from lrm_core.render.cameras import canonical_source_camera

PARITY = Path(__file__).resolve().parents[1] / "tests/fixtures/parity"
SIZES = {"mini": MINI} | {size: PRESETS[f"openlrm-mix-{size}-1.1"] for size in ("small", "base", "large")}

AIMS = {
    "a view and its gradient": "a tenth of dense",
    "its peak memory, GiB": "under 1",
    "a step of the oracle, ms": "under 15: 2,000 steps in 30 s",
}


def seconds(call: Callable[[], object], repeats: int = 5) -> float:
    """Median wall time of a call, after one that warms up."""
    times = []
    for _ in range(repeats + 1):
        torch.cuda.synchronize()
        started = time.perf_counter()
        call()
        torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    return median(times[1:])


def weights(vectors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): v for name, v in vectors.items() if name.startswith(prefix)}


def relative(found: Tensor, expected: Tensor) -> float:
    return ((found - expected).abs().max() / expected.abs().max()).item()


@torch.no_grad()
def model_parity() -> dict[str, float]:
    vectors = {name: value.cuda() for name, value in load_file(PARITY / "lrm_tiny.safetensors").items()}
    meta = json.loads((PARITY / "meta.json").read_text())["lrm_tiny"]
    model = LRM(LRMConfig.from_openlrm(meta["config"], vit=meta["vit"])).cuda()
    model.load_openlrm_state_dict(weights(vectors, "param."))
    planes = model.predict_planes(vectors["image"], vectors["source_camera"])
    samples = model.config.rendering_samples_per_ray
    seen = render_views(planes, model.decoder, vectors["render_cameras"], 16, samples_per_ray=samples).rgb
    return {
        "features": relative(model.encode_image(vectors["image"]), vectors["features"]),
        "planes": relative(planes, vectors["planes"]),
        "images": (seen - vectors["images_rgb"]).abs().max().item(),
    }


def renderer_parity() -> dict[str, float]:
    vectors = {name: value.cuda() for name, value in load_file(PARITY / "renderer.safetensors").items()}
    decoder = Decoder(vectors["planes"].shape[2]).cuda()
    decoder.load_state_dict(weights(vectors, "param.decoder."))
    planes = vectors["planes"].requires_grad_()
    crop = {"anchors": vectors["anchors"], "region_size": 16, "background": vectors["bg_colors"]}
    found = render_views(planes, decoder, vectors["cameras"], 24, samples_per_ray=32, **crop)
    target = torch.linspace(0, 1, found.rgb.numel(), device="cuda").view_as(found.rgb)
    (gradient,) = torch.autograd.grad((found.rgb - target).square().mean(), planes)
    expected = vectors["planes_grad"]
    return {
        "rgb": (found.rgb - vectors["images_rgb"]).abs().max().item(),
        "weight": (found.weight - vectors["images_weight"]).abs().max().item(),
        "gradient": ((gradient - expected).norm() / expected.norm()).item(),
    }


def predictions(config: LRMConfig) -> dict[str, float]:
    """Seconds of a prediction in float32 and bfloat16."""
    torch.manual_seed(0)
    model = LRM(config).cuda().eval().requires_grad_(False)
    image = torch.rand(1, 3, config.source_size, config.source_size, device="cuda")
    source = canonical_source_camera().cuda()

    @torch.no_grad()
    def predict() -> None:
        model.predict_planes(image, source)

    def predict_in_bfloat16() -> None:
        with torch.autocast("cuda", torch.bfloat16):
            predict()

    return {"float32": seconds(predict), "bfloat16": seconds(predict_in_bfloat16)}


def renderings(config: LRMConfig, steps: int = 100) -> dict[str, float]:
    """A view of a ball without and with its gradient, and a step of the oracle from rays of 16 views of it."""
    planes, decoder = (part.cuda() for part in ball(config.triplane_dim, config.triplane_high_res))
    cameras, size = orbit_cameras(16).cuda()[None], config.render_size
    samples = {"samples_per_ray": config.rendering_samples_per_ray}

    def view(wanted: Tensor = planes) -> Tensor:
        return render_views(wanted[None], decoder, cameras[:, :1], size, **samples).rgb

    def view_and_gradient() -> None:
        view(planes.clone().requires_grad_()).mean().backward()

    with torch.no_grad():
        figures = {"a view, ms": 1e3 * seconds(view)}
        pictures = [
            render_views(planes[None], decoder, cameras[:, n : n + 1], size, **samples).rgb[0] for n in range(16)
        ]
    torch.cuda.reset_peak_memory_stats()
    figures["a view and its gradient, ms"] = 1e3 * seconds(view_and_gradient)
    figures["its peak memory, GiB"] = torch.cuda.max_memory_allocated() / 2**30
    views = Views(torch.cat(pictures), cameras[0])
    plan = {"iterations": steps, "rays_per_step": 4096, "progress": False, **samples}
    fit = seconds(lambda: fit_oracle(0.9 * planes, decoder, views, **plan), repeats=1)
    return figures | {"a step of the oracle, ms": 1e3 * fit / steps}


def by_each_path(measure: Callable[[], dict[str, float]]) -> dict[str, dict[str, float] | str]:
    """What is measured by each path of the renderer, or the error of one that does not run."""
    figures, usual = {}, volume.ON_CUDA
    for volume.ON_CUDA in ("dense", "packed", "fused"):
        try:
            figures[volume.ON_CUDA] = measure()
        except Exception as error:  # a path that no GPU has seen must not end the others
            figures[volume.ON_CUDA] = f"{type(error).__name__}: {error}"[:300]
    volume.ON_CUDA = usual
    return figures


def main() -> None:
    if not torch.cuda.is_available():
        raise SystemExit("benchmarks/cuda.py: torch finds no GPU here, so there is nothing to measure.")
    figures = {"device": torch.cuda.get_device_name(), "aims for base": AIMS}
    operator = _xformers_operator(torch.bfloat16, 64, torch.device("cuda"))
    figures["attention"] = "xFormers" if operator else "scaled_dot_product_attention"
    figures["parity of the model"] = model_parity()
    figures["parity of the renderer"] = by_each_path(renderer_parity)
    for name, config in SIZES.items():
        figures[f"{name}, a prediction, seconds"] = predictions(config)
        figures[f"{name}, the renderer"] = by_each_path(partial(renderings, config))
        keep("cuda", figures)


if __name__ == "__main__":
    main()
