"""The oracle triplane of one real object with the mini model: time, gain, and what four times the steps would bring.

python benchmarks/oracle.py [--object cc0_ammoBox] [--iterations 2000] [--rays 2048] [--lr 0.01 0.1] [--threads 2]

Every learning rate is measured, by default the published one and the fast one.
"""

import argparse
import time
from dataclasses import replace

import torch
from keep import keep

from lrm_core import load_model
from lrm_core.evidence.experiments.e01_oracle import quality
from lrm_core.evidence.oracles import predicted_planes, split_views
from lrm_core.evidence.runner import load_item
from lrm_core.fit import fit_oracle
from lrm_core.fit.oracle import FAST_LR, PUBLISHED_LR
from lrm_core.profiles import get_profile


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--object", help="of the profile mini; its first by default")
    parser.add_argument("--iterations", type=int, default=2000)
    parser.add_argument("--rays", type=int, default=2048)
    parser.add_argument("--lr", type=float, nargs="+", default=[PUBLISHED_LR, FAST_LR])
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    plan = replace(get_profile("mini"), per_group=None)
    folder = plan.object_folder(arguments.object) if arguments.object else plan.object_folders()[0]
    report(load_model("mini"), load_item(plan, folder), arguments)


def report(model, item, arguments: argparse.Namespace) -> None:
    figures = {"object": item.name, "threads": arguments.threads, "rays a step": arguments.rays}
    figures["prediction, held-out PSNR"] = quality(model, predicted_planes(model, item), item)["heldout_psnr"]
    for lr in arguments.lr:
        fits = {
            f"{iterations} steps": measured(model, item, iterations, arguments.rays, lr)
            for iterations in (arguments.iterations, 4 * arguments.iterations)
        }
        shorter, longer = (fit["heldout_psnr"] for fit in fits.values())
        figures[f"lr {lr}"] = fits | {"four times the steps bring, dB": longer - shorter}
    keep("oracle", figures)


def measured(model, item, iterations: int, rays: int, lr: float) -> dict[str, float]:
    """Seconds of one fit from the prediction, and how well its planes render the views."""
    start, train = predicted_planes(model, item), item.views(split_views(item)[0])
    began = time.perf_counter()
    fitted = fit_oracle(
        start,
        model.decoder,
        train,
        iterations=iterations,
        lr=lr,
        rays_per_step=rays,
        samples_per_ray=model.config.rendering_samples_per_ray,
    )
    return {"seconds": time.perf_counter() - began} | quality(model, fitted.planes, item)


if __name__ == "__main__":
    main()
