"""Training batches of objects of a rendered pool: pixels of stored views are the rays."""

import torch
from jaxtyping import Float
from torch import Tensor

from lrm_core.objects.pool import Pool
from lrm_core.render.cameras import normalize_poses, pinhole_intrinsics, principal_camera, standard_camera
from lrm_core.render.rays import rays_through
from lrm_core.training.patches import Patches, draw_anchors
from lrm_core.training.pretrain_config import PATCH
from lrm_core.training.pretrain_data import CANDIDATES, RayBatch, kept_rays, take


def pool_batch(
    pool: Pool, count: int, generator: torch.Generator, *, views: int, rays: int, size: int, patches: int = 0
) -> RayBatch:
    """A batch of `count` objects drawn from the pool, without points, since nobody knows what lies inside a mesh.

    Args:
        generator: on the CPU; draws objects, views and rays.
        views: of each object, its source among them.
        rays, size, patches: as in `procedural_batch`.

    Raises:
        ValueError: if the pool's pictures have another size, or too few views.
    """
    check_pool(pool, views, size)
    drawn = [_draw_object(pool, views, generator) for _ in range(count)]
    pictures, poses = (torch.stack(part) for part in zip(*drawn, strict=True))
    normal = torch.stack([normalize_poses(p) for p in poses])
    cameras = standard_camera(normal, pinhole_intrinsics())
    pixel = torch.randint(size**2, (count, views, CANDIDATES * rays // views), generator=generator)
    row, column = pixel // size, pixel % size
    target = rays_through(cameras, (torch.stack([column, row], dim=-1) + 0.5) / size)
    candidates = take(pictures.flatten(0, 1).flatten(1, 2), pixel.flatten(0, 1)[..., None])
    candidates = candidates.unflatten(0, (count, views)).flatten(1, 2)  # (B, C, 4)
    _, fields = kept_rays(target, *candidates.split([3, 1], dim=-1), rays, generator)
    return RayBatch(
        sources=(pictures[:, 0, ..., :3] + 1 - pictures[:, 0, ..., 3:]).movedim(-1, 1).contiguous(),
        cameras=principal_camera(normal[:, 0], pinhole_intrinsics()),
        **fields,
        points=torch.empty(0, 8 * (rays // 2), 3),
        solid=torch.empty(0, 8 * (rays // 2), dtype=torch.bool),
        patches=_pool_patches(pictures, cameras, patches, generator) if patches else None,
    )


def check_pool(pool: Pool, views: int, size: int) -> None:
    """Raise ValueError if the pool does not hold so many views of this size."""
    if pool.resolution != size or pool.views < views:
        expected = f"expected at least {views} views of {size} x {size} pixels"
        found = f"found {pool.views} of {pool.resolution}; render it with `lrm pool --resolution {size}`"
        raise ValueError(f"{pool.folder}: {expected}, {found}")


def _draw_object(
    pool: Pool, views: int, generator: torch.Generator
) -> tuple[Float[Tensor, "M S S 4"], Float[Tensor, "M 3 4"]]:
    """Premultiplied pictures in [0, 1] and poses of some views of one object; the first is a source."""
    item = pool[_draw(len(pool), generator)]
    source = item.sources[_draw(len(item.sources), generator)]
    order = torch.randperm(len(item.poses), generator=generator)
    chosen = torch.cat([source[None], order[order != source]])[:views]
    rgba = item.rgba[chosen].float() / 255
    return torch.cat([rgba[..., :3] * rgba[..., 3:], rgba[..., 3:]], dim=-1), item.poses[chosen]


def _draw(count: int, generator: torch.Generator) -> int:
    return int(torch.randint(count, (), generator=generator))


def _pool_patches(
    pictures: Float[Tensor, "B M S S 4"], cameras: Float[Tensor, "B M 25"], count: int, generator: torch.Generator
) -> Patches:
    """A square of one view of each of the first `count` objects."""
    views = torch.randint(cameras.shape[1], (count,), generator=generator)
    anchors = draw_anchors(count, pictures.shape[2], generator)
    squares = torch.stack(
        [
            pictures[owner, views[owner], row : row + PATCH, column : column + PATCH].movedim(-1, 0)
            for owner, (row, column) in enumerate(anchors.int().tolist())
        ]
    )
    rgb, alpha = squares.split([3, 1], dim=1)
    owners = torch.arange(count)
    return Patches(owners, cameras[owners, views], anchors, rgb, alpha, pictures.shape[2])
