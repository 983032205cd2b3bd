"""Training batches of procedural objects, made on the fly: an object is its seed, a batch its step."""

from typing import NamedTuple

import torch
from accelerate.utils import send_to_device
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import avg_pool2d

from lrm_core.objects.caster import Hits, cast
from lrm_core.objects.dataset import sample_poses
from lrm_core.objects.procedural import FIRST_HELD_OUT_SEED, ProceduralBatch, inside
from lrm_core.render.cameras import normalize_poses, pinhole_intrinsics, principal_camera, standard_camera
from lrm_core.render.rays import Rays, camera_rays, rays_through
from lrm_core.training.pretrain_config import PATCH

ABOUT, BEHIND = 0.06, 0.8  # world units, of points on and behind surfaces
SUPERSAMPLE = 2  # rays per pixel and axis of a true picture
CANDIDATES = 3  # rays cast for each ray kept, so that half of those kept can lie on the object


class Patches(NamedTuple):
    """Q true squares of `PATCH` pixels."""

    owners: Int[Tensor, " Q"]  # which object of the batch each shows
    cameras: Float[Tensor, "Q 25"]  # of the whole pictures, after pose normalisation
    anchors: Float[Tensor, "Q 2"]  # (row, column) of the first pixel of each
    rgb: Float[Tensor, "Q 3 P P"]  # colour times coverage
    alpha: Float[Tensor, "Q 1 P P"]  # coverage
    resolution: int  # side of the whole pictures, in pixels


class RayBatch(NamedTuple):
    """What one step needs, for B objects with K target rays each."""

    sources: Float[Tensor, "B 3 S S"]  # source views on white, in [0, 1]
    cameras: Float[Tensor, "B 16"]  # their cameras
    # origins and directions: target rays after pose normalisation
    origins: Float[Tensor, "B K 3"]
    directions: Float[Tensor, "B K 3"]
    # rgb and alpha: colour times coverage, and coverage, that the rays meet
    rgb: Float[Tensor, "B K 3"]
    alpha: Float[Tensor, "B K 1"]
    # how much of the pictures a ray stands for, 1 on average, (B, K, 1): those on the object are drawn too often
    share: Float[Tensor, "B K 1"]
    # places in the box after pose normalisation, (S, P, 3), with P = 4 K; half are anywhere, the others on and behind
    # the surfaces that the first half of the rays meet. They are of the first S objects, the procedural ones.
    points: Float[Tensor, "S P 3"]
    solid: Bool[Tensor, "S P"]  # whether they lie inside the object
    patches: Patches | None = None  # true squares of pictures to be compared as a whole; None for none


def training_seeds(step: int, batch: int) -> range:
    """Objects of one step; every step has its own, and none is held out."""
    first = step * batch % (FIRST_HELD_OUT_SEED - batch)
    return range(first, first + batch)


def draw_poses(count: int, views: int, generator: torch.Generator) -> Float[Tensor, "B M 3 4"]:
    """World poses of the views of so many objects; the first of each is its source."""
    return torch.stack([sample_poses(generator, views) for _ in range(count)])


def procedural_batch(
    objects: ProceduralBatch,
    poses: Float[Tensor, "B M 3 4"],
    generator: torch.Generator,
    *,
    rays: int,
    size: int,
    patches: int = 0,
) -> RayBatch:
    """The batch of objects seen from world poses, on the device of the objects.

    Args:
        poses: on the CPU; the first of each object is its source.
        generator: on the CPU; draws the same on every device.
        rays: target rays of each object K, spread over its views; half of them on the object where it fills enough.
        size: side of the source view, in pixels.
        patches: how many of the objects have a square of one view.
    """
    device = objects.mask.device
    normal = torch.stack([normalize_poses(p) for p in poses])
    uv = torch.rand(*poses.shape[:2], CANDIDATES * rays // poses.shape[1], 2, generator=generator).to(device)
    cameras, target_cameras = (standard_camera(p, pinhole_intrinsics()).to(device) for p in (poses, normal))
    principal = principal_camera(normal[:, 0], pinhole_intrinsics()).to(device)
    poses, normal = poses.to(device), normal.to(device)
    world, target = rays_through(cameras, uv), rays_through(target_cameras, uv)
    hits, sources = _cast_all(objects, world, cameras[:, 0], size)
    kept, fields = kept_rays(target, hits.rgb, hits.alpha, rays, generator)
    near = kept[:, : rays // 2]
    starts, ways = (take(values.flatten(1, 2), near) for values in (world.origins, world.directions))
    places = _places(starts, ways, take(hits.depth, near), generator)
    return RayBatch(
        sources=sources,
        cameras=principal,
        **fields,
        points=_move(places, poses[:, 0], normal[:, 0]),
        solid=inside(objects, places),
        patches=procedural_patches(objects, cameras, target_cameras, patches, size, generator) if patches else None,
    )


def kept_rays(
    drawn: Rays, rgb: Float[Tensor, "B C 3"], alpha: Float[Tensor, "B C 1"], count: int, generator: torch.Generator
) -> tuple[Int[Tensor, "B K 1"], dict[str, Tensor]]:
    """Indices of `count` rays of each object among those drawn, and the fields of a `RayBatch` that tell of them.

    Half prefer rays that hit, the others are any of the rest.
    """
    hit = (alpha > 0).to(alpha)
    order = torch.rand(alpha.shape[:2], generator=generator).to(alpha)
    on = (order + hit[..., 0]).topk(count // 2, dim=1).indices
    rest = order.scatter(1, on, -1.0).topk(count - count // 2, dim=1).indices
    kept = torch.cat([on, rest], dim=1)[..., None]
    origins, directions = (values.flatten(1, 2) for values in drawn)
    values = {"origins": origins, "directions": directions, "rgb": rgb, "alpha": alpha}
    before, after = hit.mean(1, keepdim=True), take(hit, kept).mean(1, keepdim=True)
    share = torch.where(take(hit, kept) > 0, before / after, (1 - before) / (1 - after))
    return kept, {name: take(value, kept) for name, value in values.items()} | {"share": share}


def take(values: Float[Tensor, "B C d"], index: Int[Tensor, "B K 1"]) -> Float[Tensor, "B K d"]:
    """The rows of each object that `index` names."""
    return values.gather(1, index.expand(-1, -1, values.shape[-1]))


def _places(
    origins: Float[Tensor, "B K 3"],
    directions: Float[Tensor, "B K 3"],
    depth: Float[Tensor, "B K 1"],
    generator: torch.Generator,
) -> Float[Tensor, "B P 3"]:
    """P = 8 K points: two about each surface met, two up to `BEHIND` farther on, as many anywhere in the box."""
    batch, count, _ = depth.shape
    about = ABOUT * torch.randn(batch, count, 2, generator=generator)
    beyond = BEHIND * torch.rand(batch, count, 2, generator=generator)
    along = depth + torch.cat([about, beyond], dim=-1).to(depth)  # (B, K, 4)
    met = origins[:, :, None] + along[..., None] * directions[:, :, None]
    anywhere = 2 * torch.rand(2, batch, 4 * count, 3, generator=generator).to(depth) - 1
    met = torch.where(met.isfinite().all(-1, keepdim=True).flatten(1, 2), met.flatten(1, 2), anywhere[0])
    return torch.cat([met, anywhere[1]], dim=1)


def _move(points: Float[Tensor, "B P 3"], before: Float[Tensor, "B 3 4"], after: Float[Tensor, "B 3 4"]):
    """Points after the rigid motion that takes one pose to another."""
    turn = after[:, :, :3] @ before[:, :, :3].mT
    return (points - before[:, None, :, 3]) @ turn.mT + after[:, None, :, 3]


def source_views(
    objects: ProceduralBatch, cameras: Float[Tensor, "B 25"], size: int, supersample: int
) -> Float[Tensor, "B 3 S S"]:
    """One view of each object on white, anti-aliased by a box filter."""
    rays = camera_rays(cameras, size * supersample)
    return _on_white(cast(objects, rays.origins.contiguous(), rays.directions), size, supersample)


def _on_white(hits: Hits, size: int, supersample: int) -> Float[Tensor, "B 3 S S"]:
    """Pictures of the hits of all rays of a camera each."""
    fine = size * supersample
    image = hits.rgb + (1 - hits.alpha)
    return avg_pool2d(image.mT.unflatten(-1, (fine, fine)), supersample)


def _cast_all(
    objects: ProceduralBatch, targets: Rays, cameras: Float[Tensor, "B 25"], size: int
) -> tuple[Hits, Float[Tensor, "B 3 S S"]]:
    """Hits of the targets' rays and the source views, cast together: half as many operations."""
    views = camera_rays(cameras, size * SUPERSAMPLE)
    pairs = zip(targets, views, strict=True)
    origins, directions = (torch.cat([target.flatten(1, 2), view], dim=1) for target, view in pairs)
    count = targets.origins[0].shape[:-1].numel()
    hits = cast(objects, origins, directions)
    parts = [value.tensor_split([count], dim=1) for value in vars(hits).values()]
    of_targets, of_views = (Hits(*part) for part in zip(*parts, strict=True))
    return of_targets, _on_white(of_views, size, SUPERSAMPLE)


def draw_squares(
    count: int, views: int, resolution: int, generator: torch.Generator
) -> tuple[Int[Tensor, " Q"], Int[Tensor, " Q"], Float[Tensor, "Q 2"]]:
    """Of each of the first `count` objects its number, a view, and the first pixel of a square in that picture.

    Centres lie in the picture's middle half; ValueError if it is too small.
    """
    if resolution < PATCH:
        raise ValueError(f"a square of {PATCH} pixels does not fit into a picture of {resolution}")
    chosen = torch.randint(views, (count,), generator=generator)
    centres = resolution * (0.25 + 0.5 * torch.rand(count, 2, generator=generator))
    return torch.arange(count), chosen, (centres - PATCH / 2).round().clamp(0, resolution - PATCH)


def crops(pictures: Float[Tensor, "n c h w"], anchors: Float[Tensor, "n 2"], region: int) -> Float[Tensor, "n c p p"]:
    """The square of `region` pixels of each picture whose first pixel is its anchor (row, column)."""
    corners = zip(pictures, anchors.int().tolist(), strict=True)
    return torch.stack([p[:, row : row + region, col : col + region] for p, (row, col) in corners])


def procedural_patches(
    objects: ProceduralBatch,
    cameras: Float[Tensor, "B M 25"],
    target_cameras: Float[Tensor, "B M 25"],
    count: int,
    resolution: int,
    generator: torch.Generator,
) -> Patches:
    """A square of one view of each of the first `count` objects, anti-aliased by a box filter.

    Cameras are those of the views before and after pose normalisation; resolution and errors as in `draw_squares`.
    """
    owners, views, anchors = draw_squares(count, cameras.shape[1], resolution, generator)
    fine = PATCH * SUPERSAMPLE
    rays = camera_rays(cameras[owners, views], resolution * SUPERSAMPLE, anchors * SUPERSAMPLE, fine)
    hits = cast(objects.map(lambda value: value[:count]), rays.origins.contiguous(), rays.directions)
    pixels = torch.cat([hits.rgb, hits.alpha], dim=-1).mT.unflatten(-1, (fine, fine))
    rgb, alpha = avg_pool2d(pixels, SUPERSAMPLE).split([3, 1], dim=1)
    found = Patches(owners, target_cameras[owners, views], anchors, rgb, alpha, resolution)
    return send_to_device(found, cameras.device)
