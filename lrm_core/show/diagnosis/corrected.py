"""One object rendered with parts of its residual corrected, computed while the page is built."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from lrm_core.evidence.correction_scores import Scene, object_scene
from lrm_core.show.chapter import Chapter
from lrm_core.show.elements.pictures import image_row

TARGETS = {"reference": "renders of the oracle", "truth": "the truth"}


def residual_of(chapter: Chapter) -> Float[Tensor, "3 c r r"]:
    """T_pred less the oracle from it."""
    return chapter.predicted - chapter.oracle("predicted").planes


@torch.no_grad()
def live_scene(chapter: Chapter, views: int) -> Scene:
    """The chapter's object in at most so many of its held-out views."""
    return object_scene(chapter.model, chapter.item, chapter.oracle_config, views, chapter.seed, None)


@torch.no_grad()
def corrected_pictures(chapter: Chapter, parts: Mapping[str, Float[Tensor, "3 c r r"]]) -> str:
    """One held-out view of T_pred, of T_pred less each part, of the oracle and of the truth, as HTML.

    Args:
        chapter: whose object is shown.
        parts: of its residual, by caption.
    """
    scene = live_scene(chapter, views=1)
    images = {"prediction": scene.before[0]}
    images |= {caption: scene.corrected(part)[0] for caption, part in parts.items()}
    images |= {"oracle": scene.targets["reference"][0], "truth": scene.targets["truth"][0]}
    return image_row(images, chapter.item.name)
