"""Test-time optimisation (experiment E12): a prediction is refined on views of the object itself.

Published: 500 steps of Adam with rate 0.005 under a frozen decoder. Whether the rate falls and how much of the views
a step sees was not published; here the rate is constant, and a step sees random rays.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from tqdm import tqdm

from lrm_core.fit.losses import Perceptual, check_perceptual
from lrm_core.fit.oracle import EXPLORED, REFRESH_EVERY, Targets, check_views
from lrm_core.model.lrm import LRM
from lrm_core.render import Views
from lrm_core.render.field import Field, check_planes
from lrm_core.render.occupancy import Occupancy
from lrm_core.spectral import split_bands

WATCHED = 4096  # pixels of the training views that are scored along the way
Space = Literal["tokens", "planes", "low_band"]
Planes = Float[Tensor, "3 c r r"]


@dataclass(frozen=True)
class Latent:
    """Numbers that may move, and the planes that they stand for."""

    values: Float[Tensor, "..."]  # a leaf that gradients reach
    decode: Callable[[Tensor], Planes]  # values -> planes (3, C, R, R), differentiable

    def planes(self) -> Planes:
        """The planes of the present values."""
        return self.decode(self.values)


@torch.no_grad()
def plane_tokens(
    model: LRM, image: Float[Tensor, "1 3 h w"], source_camera: Float[Tensor, "1 16"]
) -> Float[Tensor, "3 d low low"]:
    """What the transformer hands to the upsampler for one image: (3, d, R / 2, R / 2)."""
    seen: list[Tensor] = []
    with model.upsampler.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0])):
        model.predict_planes(image, source_camera)
    return seen[0].float()


@torch.no_grad()
def make_latent(
    model: LRM,
    image: Float[Tensor, "1 3 h w"],
    source_camera: Float[Tensor, "1 16"],
    space: Space,
    cutoff: float = 0.3,
) -> Latent:
    """The latent of a prediction; its planes are T_pred to begin with.

    Of the spaces, "tokens" are those before the upsampler, which makes the planes of them; "planes" are all numbers
    of T_pred; "low_band" is a change of T_pred of which only what lies below the cutoff (x Nyquist) counts.
    """
    if space not in get_args(Space):
        raise ValueError(f"unknown space {space!r}; expected one of {', '.join(get_args(Space))}")
    upsampler = copy.deepcopy(model.upsampler).requires_grad_(False)
    tokens = plane_tokens(model, image, source_camera)
    if space == "tokens":
        return Latent(tokens.clone().requires_grad_(), upsampler)
    predicted = upsampler(tokens)
    if space == "planes":
        return Latent(predicted.clone().requires_grad_(), lambda planes: planes)
    change = torch.zeros_like(predicted).requires_grad_()
    return Latent(change, lambda change: predicted + split_bands(change, (0.0, cutoff))[0])


@dataclass(frozen=True)
class RefinementConfig:
    """How a latent is optimised; the defaults are the published free form."""

    # iterations and lr: of Adam; the rate is constant
    iterations: int = 500
    lr: float = 0.005
    # weight of the mean squared distance of the planes to where they began. The published form is not known more
    # exactly than "proximity weight 1.0".
    proximity: float = 0.0
    perceptual_weight: float = 0.0  # of the perceptual distance (LPIPS), which needs pictures instead of single rays
    rays_per_step: int = 1024  # drawn from all pixels of the training views, where the loss has no perceptual part
    crop: int = 64  # where it has, a step sees a random window of one view with this side, in pixels

    def __post_init__(self) -> None:
        for name, least in (("iterations", 1), ("rays_per_step", 1), ("crop", 1), ("proximity", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name}: expected at least {least}, found {getattr(self, name)}")


@dataclass(frozen=True)
class Snapshot:
    """The fit after so many steps."""

    step: int  # from 0, where nothing has moved
    planes: Planes  # detached
    train_l1: float  # mean absolute error of `WATCHED` pixels of the training views, the same at every step


def optimise_latent(
    latent: Latent,
    decoder: nn.Module,
    views: Views,
    config: RefinementConfig,
    *,
    at: Sequence[int],
    samples_per_ray: int = 96,
    seed: int = 0,
    perceptual: Perceptual | None = None,
    progress: bool = True,
) -> Iterator[Snapshot]:
    """Move a latent by Adam towards views of the object, decoder frozen, and show it at some steps.

    The loss is the mean squared error of the rendered colours, plus `proximity` times the mean squared distance to
    the first planes, plus `perceptual_weight` times the perceptual distance. The quadrature is deterministic; empty
    space is skipped except for a random sixteenth of it. ValueError if shapes do not fit, values are not finite, or a
    perceptual distance is weighted and none given.

    Args:
        latent: its values are changed in place.
        decoder, views, samples_per_ray: as in `fit_oracle`.
        at: steps that are shown; 0 is the start, those beyond the last iteration are left out.
        seed: of the draw of rays or windows.
        perceptual: the distance of two pictures, differentiable, such as `lpips_with_gradients`.
    """
    check_views(views)
    check_perceptual(config.perceptual_weight, perceptual)
    fit = Refinement(latent, decoder, views, config, samples_per_ray, seed, perceptual)
    for step in tqdm(range(config.iterations + 1), desc="refining", disable=not progress, leave=False):
        if step:
            fit.step(step - 1)
        if step in at:
            yield Snapshot(step, latent.planes().detach().clone(), fit.train_l1())


@dataclass
class Refinement:
    """A latent on its way to the views; arguments as in `optimise_latent`."""

    latent: Latent
    decoder: nn.Module
    views: Views
    config: RefinementConfig
    samples: int = 96
    seed: int = 0
    perceptual: Perceptual | None = None

    def __post_init__(self) -> None:
        self.decoder = copy.deepcopy(self.decoder).requires_grad_(False)
        self.start = self.latent.planes().detach().clone()
        check_planes(self.start, 4)
        self.targets = Targets.of(self.views, self.start.device)
        self.optimiser = torch.optim.Adam([self.latent.values], lr=self.config.lr)
        watching, self.generator = (torch.Generator().manual_seed(self.seed) for _ in range(2))
        self.watched = self.targets.draw_rays(WATCHED, watching).to(self.start.device)
        self.occupancy: Occupancy | None = None

    @torch.enable_grad()
    def step(self, step: int) -> None:
        """One update."""
        if step % REFRESH_EVERY == 0:
            self.occupancy = Occupancy.of(Field(self.latent.planes(), self.decoder))
        self.optimiser.zero_grad()
        self.loss(self.draw()).backward()
        self.optimiser.step()

    def draw(self) -> Int[Tensor, "rays"]:
        """Pixels of the next step: anywhere, or a window of one view."""
        if not self.config.perceptual_weight:
            return self.targets.draw_rays(self.config.rays_per_step, self.generator)
        side = round(self.targets.pixels_per_view**0.5)
        return window(len(self.targets.colours), side, min(self.config.crop, side), self.generator)

    def loss(self, chosen: Int[Tensor, "rays"]) -> Float[Tensor, ""]:
        """The loss of these pixels."""
        chosen, planes = chosen.to(self.start.device), self.latent.planes()
        explored = self.occupancy and self.occupancy.explored(EXPLORED, self.generator)
        rendered = self.targets.render(planes, self.decoder, chosen, self.samples, [explored])
        target = self.targets.colours[chosen]
        loss = (rendered - target).square().mean()
        if self.config.proximity:
            loss = loss + self.config.proximity * (planes - self.start).square().mean()
        if self.config.perceptual_weight:
            distance = self.perceptual(_picture(rendered), _picture(target)).mean()
            loss = loss + self.config.perceptual_weight * distance
        return loss

    @torch.no_grad()
    def train_l1(self) -> float:
        """Mean absolute error of the watched pixels."""
        rendered = self.targets.render(self.latent.planes(), self.decoder, self.watched, self.samples)
        return (rendered - self.targets.colours[self.watched]).abs().mean().item()


def window(pixels: int, side: int, crop: int, generator: torch.Generator) -> Int[Tensor, "crop*crop"]:
    """Indices of a random square of one view, row by row, among so many pixels of views of that side."""
    ends = (pixels // side**2, side - crop + 1, side - crop + 1)
    view, row, column = (int(torch.randint(end, (), generator=generator)) for end in ends)
    along = torch.arange(crop)
    return (view * side**2 + (row + along[:, None]) * side + column + along).flatten()


def _picture(colours: Float[Tensor, "pixels 3"]) -> Float[Tensor, "1 3 side side"]:
    side = round(len(colours) ** 0.5)
    return colours.mT.unflatten(1, (side, side))[None]
