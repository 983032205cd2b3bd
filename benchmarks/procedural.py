"""Speed of the procedural objects: `python benchmarks/procedural.py [--threads 2] [--device cpu]`.

One training batch of the mini model: 8 objects, each with a source view at 128 x 128 and four at 64 x 64.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch
from torch import Tensor

from lrm_core.objects.caster import cast
from lrm_core.objects.poses import sample_poses
from lrm_core.objects.procedural import sample_objects
from lrm_core.objects.procedural_views import pixel_rays, render_object

OBJECTS = 8
RESOLUTIONS = (128, 64, 64, 64, 64)


def training_rays() -> tuple[Tensor, Tensor]:
    """Origins and directions (8, 32768, 3)."""
    rows = []
    for seed in range(OBJECTS):
        poses = sample_poses(torch.Generator().manual_seed(seed), len(RESOLUTIONS))
        views = [pixel_rays(pose, size, 0.75) for pose, size in zip(poses, RESOLUTIONS, strict=True)]
        rows.append([torch.cat(parts, dim=1)[0] for parts in zip(*views, strict=True)])
    origins, directions = (torch.stack(parts) for parts in zip(*rows, strict=True))
    return origins, directions


def seconds(call: Callable[[], object], repeats: int = 10) -> tuple[float, float]:
    """Shortest and median wall time of a call, after one that warms up."""
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        call()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    ranked = sorted(times[1:])
    return ranked[0], ranked[len(ranked) // 2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    origins, directions = (rays.to(options.device) for rays in training_rays())
    batch = sample_objects(range(OBJECTS), options.device)
    poses = sample_poses(torch.Generator().manual_seed(0), 4)
    calls = {
        f"sample {OBJECTS} objects": lambda: sample_objects(range(OBJECTS), options.device),
        f"cast {OBJECTS} x {origins.shape[1]} rays": lambda: cast(batch, origins, directions),
        "render 4 stored views, 128 x 128, CPU": lambda: render_object(0, poses, 128),
    }
    for name, call in calls.items():
        shortest, median = seconds(call)
        print(f"{name}: {1e3 * shortest:.1f} ms shortest, {1e3 * median:.1f} ms median")


if __name__ == "__main__":
    main()
