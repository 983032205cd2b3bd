"""A sphere about the origin as depth maps, as planes with a decoder that makes it, and as a rendered object."""

from types import SimpleNamespace

import torch
from torch import Tensor

from lrm_core.measure.geometry import Geometry
from lrm_core.measure.oracles import render_images
from lrm_core.model.lrm import Decoder
from lrm_core.objects import RenderedObject
from lrm_core.render.cameras import look_at, pinhole_intrinsics, standard_camera
from lrm_core.render.rays import camera_rays

RADIUS, DISTANCE, SIZE, TEXELS = 0.5, 2.0, 48, 32
RIM = -(RADIUS**2) / DISTANCE  # y of the circle behind which the source at (0, -DISTANCE, 0) sees nothing
POSITIVE, STEEP = 10.0, 1000.0


def cameras(count: int) -> Tensor:
    """So many views from a ring about the sphere, the first of which is the canonical source."""
    angle = torch.arange(count) * (2 * torch.pi / count) - torch.pi / 2
    eyes = DISTANCE * torch.stack([angle.cos(), angle.sin(), 0.2 * torch.sin(3 * angle)], dim=1)
    eyes[0] = torch.tensor([0.0, -DISTANCE, 0.0])
    return standard_camera(look_at(eyes), pinhole_intrinsics(SIZE)[None].expand(count, 3, 2))


def depth_maps(views: Tensor, size: int = SIZE, radius: float = RADIUS) -> Tensor:
    """Distance to the sphere in every pixel, inf where a ray misses it, (V, size, size)."""
    rays = camera_rays(views, size)
    along = -(rays.origins * rays.directions).sum(-1)
    under = along.square() - rays.origins.square().sum(-1) + radius**2
    found = along - under.clamp(min=0).sqrt()
    return found.masked_fill(under < 0, torch.inf).unflatten(1, (size, size))


def in_sight(points: Tensor, eye: Tensor, radius: float = RADIUS) -> Tensor:
    """Whether a camera sees points of the sphere: those beyond the tangent plane on its side."""
    return points @ eye >= radius**2


def geometry(views: Tensor) -> Geometry:
    """The true one."""
    found = Geometry(views, depth_maps(views), torch.zeros(len(views), SIZE, SIZE, dtype=torch.bool), true=True)
    seen = in_sight(found.points().nan_to_num(), views[0, 3:12:4])
    return Geometry(views, found.depth, found.depth.isfinite() & seen, true=True)


def model() -> SimpleNamespace:
    """A decoder that reads r^2 from the first channel and raw colours from the other three, summed over planes."""
    decoder = Decoder(4)
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.zero_()
        first, second, third, last = (layer for layer in decoder.net if isinstance(layer, torch.nn.Linear))
        for channel in range(4):
            first.weight[channel, channel::4] = -1.0 if channel == 0 else 1.0
            first.bias[channel] = POSITIVE
            second.weight[channel, channel] = third.weight[channel, channel] = 1.0
            last.weight[channel, channel] = STEEP if channel == 0 else 1.0
            last.bias[channel] = STEEP * (RADIUS**2 - POSITIVE) if channel == 0 else -POSITIVE
    decoder.requires_grad_(False)
    return SimpleNamespace(
        decoder=decoder, config=SimpleNamespace(rendering_samples_per_ray=64), parameters=decoder.parameters
    )


def planes(raw_colour: Tensor | float) -> Tensor:
    """Triplane (3, 4, R, R) of the sphere; raw colours by texel of the plane xy, [row y, column x], or one."""
    centres = (2 * torch.arange(TEXELS) + 1) / TEXELS - 1
    found = torch.zeros(3, 4, TEXELS, TEXELS)
    found[0, 0] = centres[:, None].square() + centres.square()
    found[1, 0] = centres[:, None].square()  # rows of the plane xz are z
    found[0, 1:] = raw_colour
    return found


def by_side(front: float, back: float) -> Tensor:
    """Raw colours (R, R): one where the source sees the sphere, another behind the rim."""
    centres = (2 * torch.arange(TEXELS) + 1) / TEXELS - 1
    return torch.where(centres < RIM, front, back)[:, None].expand(TEXELS, TEXELS)


def rendered(count: int, raw_colour: Tensor | float) -> RenderedObject:
    """The sphere with these colours in so many views."""
    views, ball = cameras(count), model()
    with torch.no_grad():
        images = render_images(ball, planes(raw_colour), views, SIZE)
    covered = depth_maps(views, 2 * SIZE).isfinite().float()[:, None]
    masks = torch.nn.functional.avg_pool2d(covered, 2)
    return RenderedObject("ball", images, masks, views[:, :16].view(-1, 4, 4)[:, :3], pinhole_intrinsics(SIZE))
