"""The renderer against the plain dense path of the spec: time, error, gradients and peak memory.

    python benchmarks/rendering.py [--threads 2] [--resolution 288] [--dense-views 4]

One field (C = 48, R = 64) is fitted to a known scene so that 4-6% of the samples of a view lie in matter. Both
paths render the same 96 samples a ray. Each measurement runs in a process of its own, so that its peak memory
is its own.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import torch
from keep import keep
from safetensors.torch import load_file, save_file

from lrm_core.model.lrm import Decoder, activate
from lrm_core.render import render_views
from lrm_core.render.cameras import orbit_poses, standard_camera
from lrm_core.render.field import Field
from lrm_core.render.occupancy import EMPTY_DENSITY

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "render"))
from reference import _ref_render_view  # noqa: E402

CHANNELS, RESOLUTION, SAMPLES = 48, 64, 96


def scene(points: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Three touching ellipsoids and a rod, striped: inside (points,), colour (points, 3)."""
    centres = torch.tensor([[0.25, 0.0, -0.2], [-0.3, 0.3, 0.3], [0.1, -0.35, 0.25]])
    radii = torch.tensor([[0.55, 0.45, 0.4], [0.35, 0.35, 0.3], [0.25, 0.35, 0.3]])
    inside = (((points[:, None] - centres) / radii).norm(dim=-1) < 1).any(1)
    x, y, z = points.unbind(-1)
    inside |= (x.square() + y.square() < 0.012) & (z.abs() < 0.8)
    return inside, 0.5 + 0.45 * torch.sin(9 * points + 3 * points.roll(1, -1))


def fit_field(steps: int = 250) -> dict[str, torch.Tensor]:
    """Planes and decoder regressed on the raw density of the scene (+40 inside, -12 outside) and its colour."""
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    decoder = Decoder(CHANNELS)
    planes = (0.1 * torch.randn(3, CHANNELS, RESOLUTION, RESOLUTION, generator=generator)).requires_grad_()
    optimiser = torch.optim.Adam([{"params": [planes], "lr": 0.02}, {"params": decoder.parameters(), "lr": 2e-3}])
    for step in range(steps):
        for group, lr in zip(optimiser.param_groups, (0.02, 2e-3), strict=True):
            group["lr"] = lr * (1 - step / steps)
        points = (2.1 * torch.rand(16_384, 3, generator=generator) - 1.05).clamp(-1, 1)  # faces of the box too
        inside, colour = scene(points)
        raw = Field(planes, decoder).raw(points)
        target = torch.where(inside, 40.0, -12.0)
        shown = (activate(raw)[0] - colour).square().mean(-1) * inside
        loss = torch.nn.functional.smooth_l1_loss(raw[:, 0] / 10, target / 10) + 10 * shown.mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return {"planes": planes.detach()} | {f"decoder.{k}": v for k, v in decoder.state_dict().items()}


def load_field(path: Path) -> tuple[torch.Tensor, Decoder]:
    tensors = load_file(path)
    decoder = Decoder(CHANNELS)
    decoder.load_state_dict({k.removeprefix("decoder."): v for k, v in tensors.items() if k != "planes"})
    return tensors["planes"], decoder.requires_grad_(False)


def cameras(count: int) -> torch.Tensor:
    intrinsics = torch.tensor([[[0.75, 0.75], [0.5, 0.5], [1.0, 1.0]]])
    return standard_camera(orbit_poses(count + 1)[:count], intrinsics)


def render(path: str, planes, decoder, views, size) -> torch.Tensor:
    """rgb (views, pixels, 3)."""
    if path == "fast":
        rgb = render_views(planes[None], decoder, views[None], size, samples_per_ray=SAMPLES).rgb[0]
        return rgb.flatten(2).mT
    return torch.stack([_ref_render_view(planes, decoder, view, size, SAMPLES)[0] for view in views])


def occupied_share(planes, decoder, view, size) -> float:
    """Share of evenly spaced samples of one view whose density is not negligible."""
    from lrm_core.render.rays import box_span, camera_rays

    rays = camera_rays(view, size)
    span = box_span(*rays)
    depth = span.near[:, None] + (span.far - span.near)[:, None] * torch.linspace(0, 1, SAMPLES)
    points = (rays.origins[:, None] + rays.directions[:, None] * depth[..., None])[span.hit]
    field, occupied = Field(planes, decoder), 0
    for part in points.flatten(0, 1).split(200_000):
        occupied += (activate(field.raw(part))[1] > EMPTY_DENSITY).sum().item()
    return occupied / (size * size * SAMPLES)


def measure(task: str, path: str, field: Path, out: Path, size: int, views: int) -> dict[str, float]:
    """Render (and differentiate) once after a small warm-up; returns seconds and peak memory."""
    planes, decoder = load_field(field)
    render(path, planes, decoder, cameras(1), 32)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    if task == "forward":
        with torch.no_grad():
            result = render(path, planes, decoder, cameras(views), size)
    else:
        planes.requires_grad_()
        result = torch.zeros_like(planes)
        for view in cameras(views).split(1 if path == "dense" else views):
            loss = (render(path, planes, decoder, view, size) - 0.5).square().sum()
            result += torch.autograd.grad(loss, planes)[0]
    seconds = time.perf_counter() - started
    save_file({"result": result.detach().contiguous()}, out)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"seconds": seconds, "peak_gb": peak / 1e6, "base_gb": before / 1e6}


def in_own_process(arguments: argparse.Namespace, task: str, path: str, field: Path, views: int) -> dict:
    out = field.with_name(f"{task}-{path}.safetensors")
    command = [sys.executable, __file__, "--worker", task, path, str(field), str(out), str(views)]
    command += ["--threads", str(arguments.threads), "--resolution", str(arguments.resolution)]
    line = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1]
    return json.loads(line) | {"result": load_file(out)["result"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--resolution", type=int, default=288)
    parser.add_argument("--views", type=int, default=4, help="views of the forward and backward pass")
    parser.add_argument("--worker", nargs=5, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.worker:
        task, path, field, out, views = arguments.worker
        print(json.dumps(measure(task, path, Path(field), Path(out), arguments.resolution, int(views))))
        return
    folder = ROOT / ".cache" / "benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    field = folder / "field.safetensors"
    if not field.exists():
        save_file(fit_field(), field)
    report(arguments, field)


def report(arguments: argparse.Namespace, field: Path) -> None:
    size = arguments.resolution
    share = occupied_share(*load_field(field), cameras(1)[0], size)
    figures = {"pixels a side": size, "threads": arguments.threads, "share of samples in matter": share}
    for task, views in (("forward", 1), ("backward", arguments.views)):
        dense, fast = (in_own_process(arguments, task, path, field, views) for path in ("dense", "fast"))
        expected = dense.pop("result")
        error = fast.pop("result") - expected
        figures[task] = {
            "views": views,
            "dense": dense,
            "fast": fast,
            "times faster": dense["seconds"] / fast["seconds"],
        }
        if task == "forward":
            figures[task]["PSNR against dense"] = float(-10 * error.square().mean().log10())
        else:
            figures[task]["gradient error"] = float(error.norm() / expected.norm())
    keep("rendering", figures)


if __name__ == "__main__":
    main()
