"""The batch of a training step: procedural objects, and objects of a pool among them.

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
from lrm_core.training.patches import Patches
from lrm_core.training.pretrain_config import PATCH, PretrainConfig
from lrm_core.training.pretrain_data import RayBatch, draw_poses, pool_batch, procedural_batch, training_seeds


@cache
def open_pool(folder: str) -> Pool:
    """The pool in a folder, its headers read once; raises as `Pool`."""
    return Pool(Path(folder))


@dataclass(frozen=True)
class Scene:
    """A group of objects before rays are cast, on the CPU.

    Attributes:
        objects: the procedural ones, None if there are none.
        poses: of their views, (B, M, 3, 4).
        pool: the batch of those of the pool, None if there are none.
        patches: how many procedural objects have a square.
        generator: state of the generator that the rays are drawn from.
    """

    objects: ProceduralBatch | None
    poses: Float[Tensor, "B M 3 4"] | None
    pool: RayBatch | None
    patches: int
    generator: Tensor


def draw_scene(number: int, config: PretrainConfig, size: int, progress: float) -> Scene:
    """A group of objects and their views; its number, counted over the whole run, fixes every draw.

    The source view has `size` pixels a side, and the share `progress` of the first round is done.
    """
    patches, generator = config.patches(progress), torch.Generator().manual_seed(number)
    from_pool = torch.zeros(config.group, dtype=torch.bool)
    if config.pool is not None:
        from_pool = torch.rand(config.group, generator=generator) < config.pool_share
    pool_patches, count = int(from_pool[:patches].sum()), int(from_pool.sum())
    seeds = [s for s, out in zip(training_seeds(number, config.group), from_pool, strict=True) if not out]
    plan = {"views": config.views, "rays": _rays(config, patches), "size": size, "patches": pool_patches}
    return Scene(
        objects=sample_objects(seeds) if seeds else None,
        poses=draw_poses(len(seeds), config.views, generator) if seeds else None,
        pool=pool_batch(open_pool(config.pool), count, generator, **plan) if count else None,
        patches=patches - pool_patches,
        generator=generator.get_state(),
    )


def cast_scene(
    scene: Scene, config: PretrainConfig, size: int, progress: float, device: torch.device | str = "cpu"
) -> RayBatch:
    """The batch of a scene, made on a device; other arguments as in `draw_scene`."""
    generator = torch.Generator()
    generator.set_state(scene.generator)
    parts = []
    if scene.objects is not None:
        plan = {"rays": _rays(config, config.patches(progress)), "size": size, "patches": scene.patches}
        parts.append(procedural_batch(scene.objects.to(device), scene.poses, generator, **plan))
    if scene.pool is not None:
        parts.append(send_to_device(scene.pool, device))
    return join(*parts) if len(parts) > 1 else parts[0]


def _rays(config: PretrainConfig, patches: int) -> int:
    """Rays of each object beside those of the group's squares."""
    return config.rays - patches * PATCH**2 // config.group


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


def join(first: RayBatch, second: RayBatch) -> RayBatch:
    """The objects of both; only the first may have points."""
    tensors = (torch.cat(pair) for pair in zip(first[:-1], second[:-1], strict=True))
    return RayBatch(*tensors, _join_patches(first.patches, second.patches, len(first.sources)))


def _join_patches(first: Patches | None, second: Patches | None, offset: int) -> Patches | None:
    """Squares of both batches, where the objects of the second come after `offset` others."""
    if second is None:
        return first
    second = second._replace(owners=second.owners + offset)
    if first is None:
        return second
    return Patches(*map(torch.cat, zip(first[:-1], second[:-1], strict=True)), first.resolution)
