"""The straight line between two oracles of one object, to be walked by hand (claim C1)."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from lrm_core.page.explorables.widget import Explorable, Scene, show, slider
from lrm_core.page.finding_page import Chapter
from lrm_core.render.quality import psnr

POINTS = 11
HALFWAY = 0.5
ENDS = ("oracle from noise", "oracle from the prediction")
NOTE = (
    "The triplane is mixed number by number. PSNR is the mean over three held-out views, on every second pixel of "
    "every second row: the curve was computed with lrm_core when the page was built, the point by the page itself."
)


def show_basins_line(*chapters: Chapter) -> None:
    """Display the line between the oracles of an object, from noise (t = 0) and from the prediction; as `show`."""
    show(_of, *chapters)


def _of(chapter: Chapter) -> Explorable:
    return line(
        Scene.of(chapter.model, chapter.item), *(chapter.oracle(start).planes for start in ("random", "predicted"))
    )


def line(scene: Scene, a: Float[Tensor, "3 C R R"], b: Float[Tensor, "3 C R R"]) -> Explorable:
    """The line from a to b; raises as `Scene.figure`."""
    seen = (scene.rendered(torch.lerp(a, b, t)) for t in torch.linspace(0, 1, POINTS).tolist())
    content = _content([float(psnr(images, scene.truth).mean()) for images in seen])
    tensors = {"a": (a, 2), "b": (b, 2), "truth": scene.packable_truth}
    alt = "The triplane of {} at a place on the line between its two oracles."
    return scene.figure(content, tensors, torch.lerp(a, b, HALFWAY), alt)


def _content(scores: list[float]) -> dict[str, Any]:
    """By the mean PSNR (dB) to the truth at evenly spaced t, on the pixels that count."""
    worst = scores.index(min(scores)) / (POINTS - 1)
    lowest = {"lowest point of the curve": worst} if 0 < worst < 1 else {}
    places = {ENDS[0]: 0.0, "halfway": HALFWAY, **lowest, ENDS[1]: 1.0}
    return {
        "key": "line",
        "title": "The line between two oracles",
        "sliders": [slider("t", f"t: from the {ENDS[0]} to the {ENDS[1]}", 0, 1, 0.01)],
        "start": {"t": HALFWAY},
        "presets": {f"{words.capitalize()} ({t:g})": {"t": t} for words, t in places.items()},
        "ends": ENDS,
        "psnr": scores,
        "note": NOTE,
    }
