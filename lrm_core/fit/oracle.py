"""The oracle triplane (experiment E1): planes optimised per object under a frozen decoder."""

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from tqdm import tqdm

from lrm_core.render import Views, render_views
from lrm_core.render.field import Field, check_planes
from lrm_core.render.occupancy import Occupancy
from lrm_core.render.quality import psnr, psnr_of
from lrm_core.render.rays import RaySegments, camera_rays
from lrm_core.render.volume import render_segments

RAYS_PER_STEP = 4096
PUBLISHED_LR, PUBLISHED_EPS = 0.01, 1e-8
FAST_LR, DAMPED_EPS = 0.1, 1e-5  # nearer to convergence after as many steps; see `fit_oracle`
REFRESH_EVERY = 16  # steps between two looks at where the field is empty
EXPLORED = 1 / 16  # share of empty space that is sampled all the same, so that density can grow there
REPORTS, REPORT_STEPS = 10, 20  # at most so many reports, at least so many steps apart


@dataclass(frozen=True)
class OracleFit:
    """How a fit ended and went."""

    planes: Float[Tensor, "3 C R R"]  # detached
    history: dict[str, list[float]]  # lists of step, loss, train_psnr (of the rays of the step) and heldout_psnr (dB)


@dataclass(frozen=True)
class Targets:
    """Every pixel of the training views as a ray with its colour."""

    rays: RaySegments
    colours: Float[Tensor, "pixels 3"]
    pixels_per_view: int

    @classmethod
    def of(cls, views: Views, device: torch.device) -> "Targets":
        """The rays of all pixels of the views with their colours, view by view."""
        images, cameras = (part.to(device) for part in views)
        rays = camera_rays(cameras, images.shape[-1])
        segments = RaySegments.through_box(rays.origins.flatten(0, 1), rays.directions.flatten(0, 1))
        return cls(segments, images.permute(0, 2, 3, 1).reshape(-1, 3), images.shape[-1] ** 2)

    def draw_rays(self, count: int, generator: torch.Generator) -> Tensor:
        """Indices of `count` pixels, with repetition."""
        return torch.randint(len(self.colours), (count,), generator=generator)

    def draw_views(self, count: int, generator: torch.Generator) -> Tensor:
        """Indices of all pixels of `count` views, without repetition."""
        views = torch.randperm(len(self.colours) // self.pixels_per_view, generator=generator)[:count]
        return (views[:, None] * self.pixels_per_view + torch.arange(self.pixels_per_view)).flatten()

    def render(
        self,
        planes: Float[Tensor, "3 C R R"],
        decoder: nn.Module,
        chosen: Tensor,
        samples: int,
        occupancies: Sequence[Occupancy | None] | None = None,
    ) -> Float[Tensor, "rays 3"]:
        """The rays of the chosen pixels on white; what may be skipped is said by one occupancy, or found now."""
        rays = self.rays[chosen][None]
        seen = render_segments(planes[None], decoder, rays, samples, occupancies=occupancies)
        colour, _, weight = (part[0] for part in seen)
        return colour + (1 - weight[:, None])


def fit_oracle(
    start: Float[Tensor, "*one 3 C R R"],
    decoder: nn.Module,
    views: Views,
    *,
    iterations: int = 2000,
    lr: float = PUBLISHED_LR,
    eps: float = PUBLISHED_EPS,
    rays_per_step: int | None = None,
    views_per_step: int | None = None,
    samples_per_ray: int = 96,
    seed: int = 0,
    heldout: Views | None = None,
    progress: bool = True,
    on_step: Callable[[int], None] | None = None,
) -> OracleFit:
    """Fit planes to views by Adam, cosine from `lr` to 1% of it, loss L1 + MSE, decoder frozen.

    The quadrature is deterministic. Empty space is skipped except for a random sixteenth of it. Held-out views are
    only scored; `on_step` is told after each step how many are done. ValueError if shapes do not fit, values are not
    finite, or both kinds of batch are asked for.

    Args:
        start: where to begin, (3, C, R, R) or (1, 3, C, R, R).
        views: images (V, 3, H, W) on white, cameras (V, 25).
        lr: first learning rate. At the published one the steps run out before the renders have converged
            (`benchmarks/oracle.py` measures it); with `FAST_LR` they come nearer, but the planes also wander where
            the views say little, in a null oracle too. Four times the steps are better at every rate and with more
            rays a step as well; what that does to the residual is experiment E18.
        eps: of Adam, against which the size of a gradient counts. Adam makes the noise of small gradients as large
            as any step; with `DAMPED_EPS` the texels that the views say little about stay nearly where they are.
        rays_per_step: rays drawn from all pixels each step; None is 4096.
        views_per_step: the published form instead: whole views each step (it used 4).
        seed: of the draw of rays or views.
    """
    planes, frozen = _prepare(start, decoder, views, rays_per_step, views_per_step)
    targets, generator = Targets.of(views, planes.device), torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam([planes], lr=lr, eps=eps, fused=True)
    draw = targets.draw_views if views_per_step else targets.draw_rays
    history: dict[str, list[float]] = {"step": [], "loss": [], "train_psnr": [], "heldout_psnr": []}
    for step in tqdm(range(iterations), desc="oracle", unit="step", disable=not progress, leave=False):
        chosen = draw(views_per_step or rays_per_step or RAYS_PER_STEP, generator).to(planes.device)
        if step % REFRESH_EVERY == 0:
            occupancy = Occupancy.of(Field(planes, frozen))
        explored = occupancy and occupancy.explored(EXPLORED, generator)
        error = targets.render(planes, frozen, chosen, samples_per_ray, [explored]) - targets.colours[chosen]
        mean_square = error.square().mean()
        loss = error.abs().mean() + mean_square
        optimiser.param_groups[0]["lr"] = lr * cosine(step / iterations)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if (step + 1) % max(REPORT_STEPS, iterations // REPORTS) == 0 or step + 1 == iterations:
            score = heldout_psnr(planes.detach(), frozen, heldout, samples_per_ray) if heldout else math.nan
            report = (step + 1, loss.item(), psnr_of(mean_square.detach()).item(), score)
            for column, value in zip(history.values(), report, strict=True):
                column.append(value)
        if on_step:
            on_step(step + 1)
    return OracleFit(planes.detach(), history)


def cosine(progress: float) -> float:
    """Share of the first learning rate: 1 at progress 0, a hundredth at 1 and beyond, along half a cosine."""
    return 0.01 + 0.99 * (1 + math.cos(math.pi * min(progress, 1.0))) / 2


@torch.no_grad()
def heldout_psnr(planes: Tensor, decoder: nn.Module, views: Views, samples_per_ray: int) -> float:
    """Mean PSNR in dB over the views."""
    cameras, images = views.cameras.to(planes.device), views.images.to(planes.device)
    seen = render_views(planes[None], decoder, cameras[None], images.shape[-1], samples_per_ray=samples_per_ray)
    return psnr(seen.rgb[0], images).mean().item()


def _prepare(start: Tensor, decoder: nn.Module, views: Views, rays: int | None, whole: int | None):
    """Planes to optimise and a frozen copy of the decoder."""
    if rays and whole:
        raise ValueError("fit_oracle: give rays_per_step or views_per_step, not both")
    check_views(views)
    if start.ndim == 5 and len(start) != 1:
        raise ValueError(f"start: expected one triplane, found {len(start)}; fit one object at a time")
    planes = start[0] if start.ndim == 5 else start
    check_planes(planes, 4)
    frozen = copy.deepcopy(decoder).requires_grad_(False)
    return planes.detach().float().clone().requires_grad_(), frozen


def check_views(views: Views) -> None:
    """Raise ValueError unless the views are square images (V, 3, H, H) with cameras (V, 25), all finite."""
    images, cameras = (tuple(part.shape) for part in views)
    if len(images) != 4 or images[1] != 3 or images[2] != images[3] or cameras != (images[0], 25):
        raise ValueError(
            f"views: expected square images (V, 3, H, H) and cameras (V, 25), found {images} and {cameras}"
        )
    for part, values in views._asdict().items():
        if not values.isfinite().all():
            broken = sorted(set((~values.isfinite()).nonzero()[:, 0].tolist()))
            raise ValueError(f"views: the {part} of {broken} hold NaN or infinity; leave those views out")
