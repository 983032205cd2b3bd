"""The original's numbers on a GPU, and how long things take there: `python benchmarks/cuda.py`.

Parity is the largest difference to the vectors in `tests/fixtures/parity`, over the largest value expected for
features and planes. The published architectures are timed with random parameters: a prediction, and views of a random
field, of which every sample has to be looked at.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
from keep import keep
from safetensors.torch import load_file
from scene import orbit_cameras
from torch import Tensor

from lrm_core.fit import fit_oracle
from lrm_core.model.attention import _xformers_operator
from lrm_core.model.config import MINI, PRESETS, LRMConfig
from lrm_core.model.decoder import Decoder
from lrm_core.model.lrm import LRM
from lrm_core.render import Views, render_views
from lrm_core.render.cameras import canonical_source_camera

PARITY = Path(__file__).resolve().parents[1] / "tests/fixtures/parity"
SIZES = {"mini": MINI} | {size: PRESETS[f"openlrm-mix-{size}-1.1"] for size in ("small", "base", "large")}


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


def renderer_parity(skip_empty: bool) -> dict[str, float]:
    vectors = {name: value.cuda() for name, value in load_file(PARITY / "renderer.safetensors").items()}
    decoder = Decoder(vectors["planes"].shape[2]).cuda()
    decoder.load_state_dict(weights(vectors, "param.decoder."))
    planes = vectors["planes"].requires_grad_()
    crop = {"anchors": vectors["anchors"], "region_size": 16, "background": vectors["bg_colors"]}
    found = render_views(
        planes, decoder, vectors["cameras"], 24, samples_per_ray=32, skip_empty=skip_empty, **crop
    )
    target = torch.linspace(0, 1, found.rgb.numel(), device="cuda").view_as(found.rgb)
    (gradient,) = torch.autograd.grad((found.rgb - target).square().mean(), planes)
    expected = vectors["planes_grad"]
    return {
        "rgb": (found.rgb - vectors["images_rgb"]).abs().max().item(),
        "weight": (found.weight - vectors["images_weight"]).abs().max().item(),
        "gradient": ((gradient - expected).norm() / expected.norm()).item(),
    }


def timings(config: LRMConfig) -> dict[str, float]:
    """Seconds of a prediction in float32 and bfloat16 and of one view, and peak memory in GiB."""
    torch.cuda.reset_peak_memory_stats()
    torch.manual_seed(0)
    model = LRM(config).cuda().eval().requires_grad_(False)
    image = torch.rand(1, 3, config.source_size, config.source_size, device="cuda")
    source = canonical_source_camera().cuda()
    side = config.triplane_high_res
    planes = torch.randn(1, 3, config.triplane_dim, side, side, device="cuda")
    camera = orbit_cameras(1).cuda()[None]
    size, samples = config.render_size, config.rendering_samples_per_ray

    def predict() -> Tensor:
        with torch.no_grad():
            return model.predict_planes(image, source)

    def predict_in_bfloat16() -> None:
        with torch.autocast("cuda", torch.bfloat16):
            predict()

    def view(skip_empty: bool, wanted: Tensor = planes) -> Tensor:
        return render_views(
            wanted, model.decoder, camera, size, samples_per_ray=samples, skip_empty=skip_empty
        ).rgb

    def view_and_gradient() -> None:
        view(False, planes.clone().requires_grad_()).mean().backward()

    with torch.no_grad():
        looked = {
            f"a view, {n}": seconds(lambda s=s: view(s)) for n, s in (("skipping", True), ("dense", False))
        }
    return {
        "a prediction, float32": seconds(predict),
        "a prediction, bfloat16": seconds(predict_in_bfloat16),
        **looked,
        "a view and its gradient, dense": seconds(view_and_gradient),
        "peak memory, GiB": torch.cuda.max_memory_allocated() / 2**30,
    }


def oracle(config: LRMConfig, steps: int = 100) -> float:
    """Seconds of a step of the oracle fit to 16 views, rays of one step from anywhere in them."""
    torch.manual_seed(0)
    side, size = config.triplane_high_res, config.render_size
    planes = 0.1 * torch.randn(3, config.triplane_dim, side, side, device="cuda")
    cameras = orbit_cameras(16).cuda()
    views = Views(torch.rand(16, 3, size, size, device="cuda"), cameras)
    decoder = Decoder(config.triplane_dim).cuda()
    plan = {"iterations": steps, "rays_per_step": 4096, "progress": False}
    return seconds(lambda: fit_oracle(planes, decoder, views, **plan), repeats=1) / steps


def main() -> None:
    figures = {"device": torch.cuda.get_device_name()}
    operator = _xformers_operator(torch.bfloat16, 64, torch.device("cuda"))
    figures["attention"] = "xFormers" if operator else "scaled_dot_product_attention"
    figures["parity of the model"] = model_parity()
    figures["parity of the renderer, skipping"] = renderer_parity(True)
    figures["parity of the renderer, dense"] = renderer_parity(False)
    for name, config in SIZES.items():
        figures[f"{name}, seconds"] = timings(config)
        keep("cuda", figures)
    for name in ("mini", "base"):
        figures[f"{name}, a step of the oracle, seconds"] = oracle(SIZES[name])
        keep("cuda", figures)


if __name__ == "__main__":
    main()
