"""E3, where the residual and the error lie: heat maps of the planes, and clouds of surface points."""

from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lrm_core.evidence.matter import matter_lattice, matter_texels
from lrm_core.evidence.oracles import OracleCache, OracleConfig, oracle, render_images
from lrm_core.evidence.point_cloud import PointCloud, summary
from lrm_core.evidence.surface import (
    Planes,
    Surface,
    SurfaceScene,
    field_error,
    matter_surface,
    seen_surface,
    surface_scene,
)
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject

PLANES = ("xy", "xz", "zy")


@dataclass(frozen=True)
class SurfaceError:
    """Configuration of E3.

    Attributes:
        oracle: of T_ref and of the null oracle.
        views: at most so many held-out views show the surface.
        cloud_points: at most so many points of a cloud are kept.

    Raises:
        ValueError: if no point of a cloud is kept.
    """

    oracle: OracleConfig = field(default_factory=OracleConfig)
    views: int = 8
    cloud_points: int = 1200
    definition: int = 1

    def __post_init__(self) -> None:
        if self.cloud_points < 1:
            raise ValueError(f"expected at least 1 point of a cloud to keep, found {self.cloud_points}")


@torch.no_grad()
def run(
    model: LRM, item: RenderedObject, config: SurfaceError, seed: int, cache: OracleCache | None = None
) -> dict[str, Any]:
    """Heat maps of the residual, and clouds of surface error as published and as audited.

    Returns:
        heat: `heat_maps` of the residual to the oracle from T_pred, with those of the null oracle;
        published: all points in matter of T_ref, with T_pred's colour against T_ref's, as `cloud_record`;
        audited: the surface that held-out views show, with renders of T_pred against ground truth, likewise;
            and true_labels, whether what is hidden there is known from the true object (or from T_ref);
        floor: of the null oracle, whose true residual is 0, in the same two ways, as `summary`.
    """
    scene = surface_scene(model, item, config.oracle, config.views, 0, seed, cache)
    null = oracle(model, item, "null", config.oracle, seed, cache).planes
    field_points, _ = matter_surface(model, scene)
    seen, matter = seen_surface(model, scene), matter_texels(model, scene.reference)
    return {
        "heat": heat_maps(scene.predicted - scene.reference, scene.predicted - null, matter),
        "published": cloud_record(field_points, "reference", config.cloud_points, seed),
        "audited": cloud_record(seen, "truth", config.cloud_points, seed)
        | {"true_labels": scene.geometry.true},
        "floor": _floor(model, item, scene, null),
    }


def heat_maps(residual: Planes, null: Planes, matter: Bool[Tensor, "3 r r"]) -> dict[str, Any]:
    """Mean of |dT| over the channels in every texel, as published, and what is known about it.

    Args:
        residual: T_pred - T_ref, (3, C, R, R).
        null: T_pred less the null oracle, (3, C, R, R): what the fit leaves of a residual of 0.
        matter: texels that points in matter read (`matter_texels` of T_ref), (3, R, R).

    Returns:
        residual, null: maps (3, R, R), rounded to three significant digits; matter: 0 or 1, (3, R, R);
        mean: of the residual's map on each plane, xy, xz, zy;
        matter_over_rest: mean in those texels over the mean in the others, None where there are none;
        floor: mean of the null map over that of the residual's, everywhere and in matter.

    Raises:
        ValueError: if the residual is zero, or the shapes differ.
    """
    if residual.shape != null.shape or matter.shape != residual[:, 0].shape:
        found = ", ".join(str(tuple(x.shape)) for x in (residual, null, matter))
        raise ValueError(f"expected two residuals (3, C, R, R) and a mask (3, R, R), found {found}")
    maps = {"residual": residual.abs().mean(1), "null": null.abs().mean(1)}
    if not maps["residual"].any():
        raise ValueError("expected a residual that is not zero everywhere")
    inside, rest = _mean(maps["residual"], matter), _mean(maps["residual"], ~matter)
    null_inside = _mean(maps["null"], matter)
    return {name: _rounded(heat) for name, heat in maps.items()} | {
        "matter": matter.int(),
        "mean": dict(zip(PLANES, maps["residual"].mean((1, 2)).tolist(), strict=True)),
        "matter_over_rest": inside / rest if inside and rest else None,
        "floor": {
            "all": float(maps["null"].mean() / maps["residual"].mean()),
            "matter": null_inside / inside if inside else None,
        },
    }


def cloud_record(surface: Surface, error: str, points: int, seed: int) -> dict[str, Any]:
    """`summary` of one of the errors of a surface, and a sample of its points as `cloud`."""
    whole = PointCloud(surface.points, surface.colour, surface.errors[error], surface.hidden)
    sample = whole.sample(points, torch.Generator().manual_seed(seed))
    return summary(whole.error) | {"cloud": sample.record()}


def _floor(model: LRM, item: RenderedObject, scene: SurfaceScene, null: Planes) -> dict[str, Any]:
    """The errors of the null oracle: of its field in its matter, of its renders on the surface that is seen."""
    lattice, solid = matter_lattice(model, null)
    cameras = scene.geometry.cameras[1 : 1 + len(scene.masks)]
    renders = render_images(model, null, cameras, item.images.shape[-1]).cpu()
    change = (scene.images["predicted"] - renders).abs().mean(1)  # (views, h, h)
    return {
        "published": summary(field_error(model, scene.predicted, null, lattice[solid])),
        "audited": summary(change[scene.shown()]),
    }


def _mean(values: Float[Tensor, "3 r r"], where: Bool[Tensor, "3 r r"]) -> float | None:
    return float(values[where].mean()) if where.any() else None


def _rounded(values: Float[Tensor, "3 r r"]) -> Float[Tensor, "3 r r"]:
    """Three significant digits of each value."""
    values = values.double().cpu()
    scale = 10 ** (2 - values.abs().clamp(min=1e-30).log10().floor())
    return (values * scale).round() / scale
