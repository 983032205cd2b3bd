"""The oracle triplane of one real object with the mini model: time, gain, noise, and what four times the steps bring.

python benchmarks/oracle.py [--object cc0_ammoBox] [--iterations 2000] [--settings fast] [--threads 2]

Four settings are measured, the published learning rate among them. The noise is how far a null oracle moves, whose
true residual is zero, over how far the oracle moves.
"""

import argparse
import time
from dataclasses import dataclass, replace

import torch
from keep import keep

from lrm_core import LRM, load_model
from lrm_core.fit import fit_oracle
from lrm_core.fit.oracle import DAMPED_EPS, FAST_LR, PUBLISHED_EPS, PUBLISHED_LR
from lrm_core.measure.e01_oracle import quality
from lrm_core.measure.oracles import predicted_planes, split_views, targets
from lrm_core.objects import RenderedObject
from lrm_core.profiles import get_profile
from lrm_core.records.runner import load_item

SETTINGS = {
    "many_rays": {"lr": 0.3, "eps": 1e-6, "rays_per_step": 6144},
    "fast": {"lr": FAST_LR, "eps": PUBLISHED_EPS, "rays_per_step": 2048},
    "damped": {"lr": FAST_LR, "eps": DAMPED_EPS, "rays_per_step": 2048},
    "published": {"lr": PUBLISHED_LR, "eps": PUBLISHED_EPS, "rays_per_step": 2048},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--object", help="of the profile mini; its first by default")
    parser.add_argument("--iterations", type=int, default=2000)
    parser.add_argument("--settings", choices=SETTINGS, nargs="+", default=list(SETTINGS))
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    plan = replace(get_profile("mini"), per_group=None)
    folder = plan.object_folder(arguments.object) if arguments.object else plan.object_folders()[0]
    report(load_model("mini"), load_item(plan, folder), arguments)


def report(model, item, arguments: argparse.Namespace) -> None:
    figures = {"object": item.name, "threads": arguments.threads}
    figures["prediction, held-out PSNR"] = quality(model, predicted_planes(model, item), item)["heldout_psnr"]
    for name in arguments.settings:
        fit = Fit(model, item, SETTINGS[name])
        shorter, longer, null = (
            fit.measured(arguments.iterations),
            fit.measured(4 * arguments.iterations),
            fit.measured(arguments.iterations, "null"),
        )
        figures[name] = SETTINGS[name] | {
            f"{arguments.iterations} steps": shorter,
            f"{4 * arguments.iterations} steps": longer,
            "four times the steps bring, dB": longer["heldout_psnr"] - shorter["heldout_psnr"],
            "null oracle over oracle, displacement": null["moved"] / shorter["moved"],
        }
        keep("oracle", figures)


@dataclass(frozen=True)
class Fit:
    """Oracles of one object from its prediction."""

    model: LRM
    item: RenderedObject
    setting: dict[str, float]

    def measured(self, iterations: int, start: str = "predicted") -> dict[str, float]:
        """Seconds of a fit, how far the planes moved (norm), and how well they render the views."""
        planes = predicted_planes(self.model, self.item)
        train = targets(self.model, self.item, split_views(self.item)[0], start, planes)
        began = time.perf_counter()
        fitted = fit_oracle(
            planes,
            self.model.decoder,
            train,
            iterations=iterations,
            samples_per_ray=self.model.config.rendering_samples_per_ray,
            **self.setting,
        )
        seconds, moved = time.perf_counter() - began, float((fitted.planes - planes).norm())
        return {"seconds": seconds, "moved": moved} | quality(self.model, fitted.planes, self.item)


if __name__ == "__main__":
    main()
