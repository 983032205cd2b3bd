"""The batch of a training step: procedural objects, and among them objects of a pool, whose rays are stored pixels.

What is small and takes Python's time, the objects and where they are seen from, is drawn on the CPU (`Scene`), by
other processes while a GPU trains. The rays are cast where the model is.
"""

import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from accelerate.utils import send_to_device
from jaxtyping import Float
from torch import Tensor
from torch.utils.data import Dataset

from lrm_core.fit.runs import in_order
from lrm_core.objects.pool import Pool
from lrm_core.objects.procedural import ProceduralBatch, sample_objects
from lrm_core.render.cameras import normalize_poses, pinhole_intrinsics, principal_camera, standard_camera
from lrm_core.render.rays import rays_through
from lrm_core.training import pretrain_data
from lrm_core.training.pretrain_config import PATCH, PretrainConfig


@cache
def open_pool(folder: str) -> Pool:
    """The pool in a folder, its headers read once; raises as `Pool`."""
    return Pool(Path(folder))


@dataclass(frozen=True)
class Scene:
    """A group of objects before rays are cast, on the CPU."""

    # objects and poses: the procedural ones and those of their views; None if there are none
    objects: ProceduralBatch | None
    poses: Float[Tensor, "B M 3 4"] | None
    plan: dict[str, int]  # rays, size and squares of their batch, as in `procedural_batch`
    pool: pretrain_data.RayBatch | None  # the batch of those of the pool, None if there are none
    generator: Tensor  # state of the generator that the rays are drawn from


def draw_scene(number: int, config: PretrainConfig, size: int, progress: float) -> Scene:
    """A group of objects and their views; its number, counted over the whole run, fixes every draw.

    The source view has `size` pixels a side, and the share `progress` of the first round is done.
    """
    squares, generator = config.patches(progress), torch.Generator().manual_seed(number)
    from_pool = torch.zeros(config.group, dtype=torch.bool)
    if config.pool is not None:
        from_pool = torch.rand(config.group, generator=generator) < config.pool_share
    of_pool, count = int(from_pool[:squares].sum()), int(from_pool.sum())
    seeds = [
        s for s, out in zip(pretrain_data.training_seeds(number, config.group), from_pool, strict=True) if not out
    ]
    plan = {"rays": config.rays - squares * PATCH**2 // config.group, "size": size}
    pooled = plan | {"views": config.views, "patches": of_pool}
    return Scene(
        objects=sample_objects(seeds) if seeds else None,
        poses=pretrain_data.draw_poses(len(seeds), config.views, generator) if seeds else None,
        plan=plan | {"patches": squares - of_pool},
        pool=pool_batch(open_pool(config.pool), count, generator, **pooled) if count else None,
        generator=generator.get_state(),
    )


def cast_scene(scene: Scene, device: torch.device | str = "cpu") -> pretrain_data.RayBatch:
    """The batch of a scene, made on a device."""
    generator = torch.Generator()
    generator.set_state(scene.generator)
    parts = []
    if scene.objects is not None:
        parts.append(pretrain_data.procedural_batch(scene.objects.to(device), scene.poses, generator, **scene.plan))
    if scene.pool is not None:
        parts.append(send_to_device(scene.pool, device))
    return join(*parts) if len(parts) > 1 else parts[0]


@dataclass(frozen=True)
class _Scenes(Dataset):
    """Scenes by the number of their group, pickled: as tensors they would need an open file each."""

    config: PretrainConfig
    size: int

    def __getitem__(self, number: int) -> bytes:
        return pickle.dumps(draw_scene(number, self.config, self.size, self.config.progress(number)))


def scenes(numbers: Sequence[int], config: PretrainConfig, size: int, ahead: bool) -> Iterator[Scene]:
    """The scenes of groups by their numbers, as `in_order`; config and size as in `draw_scene`."""
    return map(pickle.loads, in_order(_Scenes(config, size), numbers, ahead))


def join(first: pretrain_data.RayBatch, second: pretrain_data.RayBatch) -> pretrain_data.RayBatch:
    """The objects of both, the second's after the first's; only the first may have points."""
    tensors = (torch.cat(pair) for pair in zip(first[:-1], second[:-1], strict=True))
    ours, theirs = first.patches, second.patches
    if theirs is not None:
        theirs = theirs._replace(owners=theirs.owners + len(first.sources))
    if ours is not None and theirs is not None:
        ours = pretrain_data.Patches(*map(torch.cat, zip(ours[:-1], theirs[:-1], strict=True)), ours.resolution)
    return pretrain_data.RayBatch(*tensors, ours or theirs)


def pool_batch(
    pool: Pool, count: int, generator: torch.Generator, *, views: int, rays: int, size: int, patches: int = 0
) -> pretrain_data.RayBatch:
    """A batch of `count` objects drawn from the pool, without points, since nobody knows what lies inside a mesh.

    Each object has so many views, its source among them; other arguments as in `procedural_batch`. ValueError if the
    pool's pictures have another size, or too few views.
    """
    check_pool(pool, views, size)
    drawn = [_draw_object(pool, views, generator) for _ in range(count)]
    pictures, poses = (torch.stack(part) for part in zip(*drawn, strict=True))
    normal = torch.stack([normalize_poses(p) for p in poses])
    cameras = standard_camera(normal, pinhole_intrinsics())
    pixel = torch.randint(size**2, (count, views, pretrain_data.CANDIDATES * rays // views), generator=generator)
    row, column = pixel // size, pixel % size
    target = rays_through(cameras, (torch.stack([column, row], dim=-1) + 0.5) / size)
    candidates = pretrain_data.take(pictures.flatten(0, 1).flatten(1, 2), pixel.flatten(0, 1)[..., None])
    candidates = candidates.unflatten(0, (count, views)).flatten(1, 2)  # (B, C, 4)
    _, fields = pretrain_data.kept_rays(target, *candidates.split([3, 1], dim=-1), rays, generator)
    return pretrain_data.RayBatch(
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
    item = pool[int(torch.randint(len(pool), (), generator=generator))]
    source = item.sources[int(torch.randint(len(item.sources), (), generator=generator))]
    order = torch.randperm(len(item.poses), generator=generator)
    chosen = torch.cat([source[None], order[order != source]])[:views]
    rgba = item.rgba[chosen].float() / 255
    return torch.cat([rgba[..., :3] * rgba[..., 3:], rgba[..., 3:]], dim=-1), item.poses[chosen]


def _pool_patches(
    pictures: Float[Tensor, "B M S S 4"], cameras: Float[Tensor, "B M 25"], count: int, generator: torch.Generator
) -> pretrain_data.Patches:
    """A square of one view of each of the first `count` objects."""
    owners, views, anchors = pretrain_data.draw_squares(count, cameras.shape[1], pictures.shape[2], generator)
    rgb, alpha = pretrain_data.crops(pictures[owners, views].movedim(-1, 1), anchors, PATCH).split([3, 1], dim=1)
    return pretrain_data.Patches(owners, cameras[owners, views], anchors, rgb, alpha, pictures.shape[2])
