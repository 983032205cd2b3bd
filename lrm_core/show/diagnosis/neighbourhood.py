"""The neighbourhood of one object's oracle, looked at while the page is built (E10, claim C8)."""

from typing import NamedTuple

import torch

from lrm_core.evidence.canonical import plain
from lrm_core.evidence.directions import Surroundings, object_surroundings
from lrm_core.evidence.experiments.e10_isotropy import leading_of, random_directions, still
from lrm_core.evidence.leading import FirstOrder, leading_summary, linear_summary
from lrm_core.evidence.live import Live
from lrm_core.evidence.rules_isotropy import C8_BANDS, C8_RANDOM
from lrm_core.show.chapter import Chapter
from lrm_core.show.elements.pictures import image_row
from lrm_core.spectral.jacobian import with_norm

SHOWN = 3  # of the leading directions
LIVE_ENTRIES = {
    "leading.over_random": "leading singular direction over a random one",
    "audited.residual.over_random": "residual over a random direction",
    C8_RANDOM: "spread over mean among random directions, samples held still",
    C8_BANDS: "spread over mean among directions of different frequency",
    "linear.expected_spread": "spread among random directions that follows from the singular values",
    "leading.captured.image": "share of the residual's effect in the leading directions",
}


class Probe(NamedTuple):
    """The neighbourhood of the chapter's oracle, and the renderer there to first order."""

    place: Surroundings
    found: FirstOrder


@torch.no_grad()
def probe(chapter: Chapter) -> Probe:
    """Decompose the renderer around the object's oracle, as the record does."""
    config = chapter.configuration
    place = object_surroundings(
        chapter.model, chapter.item, config.oracle, config.views, config.resolution, chapter.seed, None
    )
    return Probe(place, leading_of(place, config, chapter.seed))


@torch.no_grad()
def live(chapter: Chapter, around: Probe) -> Live:
    """The record of the object without the renders that draw their samples at random, with what is stored of it."""
    config, (place, found) = chapter.configuration, around
    audited = still(place, config, chapter.seed)
    random = audited["random"]["rms"]["mean"]
    result = {
        "audited": audited,
        "leading": leading_summary(place, found, config.norm, random),
        "linear": linear_summary(place, found, config.norm, random),
    }
    return Live(plain(result), chapter.stored_numbers())


@torch.no_grad()
def pictures(chapter: Chapter, around: Probe) -> str:
    """A held-out view of the oracle, and after equally long steps along several directions, as HTML."""
    place, norm = around.place, chapter.configuration.norms[-2]
    (random,) = random_directions(place, norm, 1, chapter.seed)
    steps = {
        "a random direction": random,
        "the residual": with_norm(place.residual, norm),
    } | {
        f"leading direction {rank}": norm * way
        for rank, way in enumerate(around.found.leading.directions[:SHOWN], start=1)
    }
    images = {"oracle": place.before[0]} | {
        name: place.render(place.planes + step)[0] for name, step in steps.items()
    }
    return image_row({name: image.cpu() for name, image in images.items()}, chapter.item.name)


def step_sentence(chapter: Chapter) -> str:
    """How long the steps of the pictures are."""
    config = chapter.configuration
    return (
        f"Every step has the norm {config.norms[-2]:g}, which is {config.norms[-2] / config.norm:g} times the "
        "published one, since what the published one changes cannot be seen."
    )
