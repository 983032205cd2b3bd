"""Batched ray casting of procedural objects: colour, alpha, depth and visibility; anti-aliased views of one.

Rays are compacted twice: a primitive meets only the rays that pass its bounding sphere, and only rays that
hit are textured and lit.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lrm_core.objects.procedural import ProceduralBatch, sample_objects
from lrm_core.objects.shapes import Kind, Lines, entry, normal
from lrm_core.objects.textures import albedo
from lrm_core.render.cameras import pinhole_intrinsics, standard_camera
from lrm_core.render.rays import camera_rays

SHADOW_EPSILON = 2e-3  # world units
SAMPLES = 2  # rays per pixel along each axis

Rays = Float[Tensor, "B K 3"]
Slots = Int[Tensor, " lines"]  # of primitives, counted through the batch; or rows, of objects


@dataclass(frozen=True)
class Hits:
    """What K rays per object meet."""

    rgb: Float[Tensor, "B K 3"]  # lit colour in [0, 1], 0 where missed
    alpha: Float[Tensor, "B K 1"]  # 1 where hit, else 0
    depth: Float[Tensor, "B K 1"]  # the hit point is origin + depth * direction; inf where missed


def render_object(
    seed: int, poses: Float[Tensor, "V 3 4"], resolution: int
) -> tuple[Float[Tensor, "V 4 H W"], Float[Tensor, "V 1 H W"], Bool[Tensor, "V 1 H W"]]:
    """Render the object with the given number, not negative, from pinhole cameras outside of the unit sphere.

    Poses are camera-to-world, with Blender axes, in world units; `resolution` is the side of the images in pixels.

    Returns:
        rgba, straight (not premultiplied) colour and the share of rays that hit, in [0, 1]; depth, the mean distance
        over the rays that hit, in world units, inf if none did; visible, whether at least half of the points that
        were hit see the camera centre of view 0.
    """
    batch, samples = sample_objects([seed]), []
    for camera in standard_camera(poses, pinhole_intrinsics()):
        origins, directions = camera_rays(camera[None], resolution * SAMPLES)
        hits = cast(batch, origins, directions)
        hit, depth = hits.alpha[0, :, 0] > 0, hits.depth.where(hits.alpha > 0, 0)
        visible = torch.zeros_like(depth)
        points = (origins + depth * directions)[:, hit]
        visible[0, hit, 0] = visible_from(batch, points, poses[:1, :, 3])[0].to(depth.dtype)
        samples.append(torch.cat([hits.rgb, hits.alpha, depth, visible], dim=-1))  # (1, K, 6)
    grid = torch.cat(samples).mT.unflatten(2, (resolution * SAMPLES,) * 2)  # (V, 6, sH, sW)
    rgb, alpha, depth, visible = torch.nn.functional.avg_pool2d(grid, SAMPLES).split([3, 1, 1, 1], dim=1)
    share = alpha.clamp(min=1e-6)
    depth = torch.where(alpha > 0, depth / share, torch.inf)
    return torch.cat([rgb / share, alpha], dim=1), depth, (alpha > 0) & (visible / share > 0.49)


def cast(batch: ProceduralBatch, origins: Rays, directions: Rays) -> Hits:
    """Colour, alpha and depth of rays; row b of the rays meets object b.

    Origins lie outside of every primitive, in world units. Directions have any length but zero, and depth is in units
    of it. Raises ValueError if the shapes do not fit the batch.
    """
    depth, primitive = first_hits(batch, origins, directions)
    hit = torch.isfinite(depth)
    ray = hit.view(-1).nonzero()[:, 0]
    row = ray // depth.shape[1]
    slot = row * batch.mask.shape[1] + primitive.view(-1)[ray]
    points = origins.reshape(-1, 3)[ray] + depth.view(-1)[ray, None] * directions.reshape(-1, 3)[ray]
    rgb = origins.new_zeros(origins.shape)
    rgb.view(-1, 3)[ray] = _shade(batch, row, slot, points.T)
    return Hits(rgb, hit[..., None].to(depth.dtype), depth[..., None])


def visible_from(batch: ProceduralBatch, points: Rays, eye: Float[Tensor, "B 3"]) -> Bool[Tensor, "B K"]:
    """Whether the way from the eye to each surface point is free, but for the last 0.002 units; raises as `cast`."""
    if eye.shape != (len(batch), 3):
        raise ValueError(f"eye must be ({len(batch)}, 3), one per object, found {tuple(eye.shape)}")
    direction = points - eye[:, None]
    depth, _ = first_hits(batch, eye[:, None].expand_as(points), direction)
    return (1 - depth) * direction.norm(dim=-1) < SHADOW_EPSILON


def first_hits(
    batch: ProceduralBatch, origins: Rays, directions: Rays
) -> tuple[Float[Tensor, "B K"], Int[Tensor, "B K"]]:
    """Ray parameter (inf where missed) and primitive slot (-1 where missed) of the nearest hit; raises as `cast`."""
    if origins.shape != directions.shape or origins.shape[::2] != (len(batch), 3):
        expected = f"must both be ({len(batch)}, K, 3) for {len(batch)} objects"
        found = f"{tuple(origins.shape)} and {tuple(directions.shape)}"
        raise ValueError(f"origins and directions {expected}, found {found}")
    count = origins.shape[1]
    start, along = (rays.permute(2, 0, 1).contiguous() for rays in (origins, directions))  # (3, B, K)
    near = _pass_bounds(batch, start, along).flatten(0, 1)
    depth = origins.new_full(near.shape, math.inf)  # (B*P, K)
    for kind in Kind:
        slots = (batch.mask & (batch.kind == kind)).view(-1).nonzero()[:, 0]
        pair = near[slots].view(-1).nonzero()[:, 0]
        slot, ray = slots[pair // count], pair % count
        flat = slot // batch.mask.shape[1] * count + ray
        to_canonical = (batch.rotation / batch.scale[..., None, :]).mT.flatten(0, 1)[slot].permute(1, 2, 0)
        offset, way = start.view(3, -1)[:, flat] - batch.centre.view(-1, 3)[slot].T, along.view(3, -1)[:, flat]
        closest = -(offset * way).sum(0) / (way * way).sum(0)  # from there, numbers are small for rounding
        local = _turn(to_canonical, offset + closest * way)
        t = closest + entry(kind, local, _turn(to_canonical, way), batch.form.view(-1)[slot])
        depth.view(-1)[slot * count + ray] = torch.where(t > 0, t, math.inf)
    nearest, primitive = depth.view(len(batch), -1, count).min(dim=1)
    return nearest, torch.where(torch.isfinite(nearest), primitive, -1)


def _pass_bounds(
    batch: ProceduralBatch, start: Float[Tensor, "3 B K"], along: Float[Tensor, "3 B K"]
) -> Bool[Tensor, "B P K"]:
    """Whether the line of each ray passes the bounding sphere of each primitive; errs towards yes."""
    radius = bounding_radius(batch.kind, batch.scale, batch.form)
    limit = torch.where(batch.mask, radius.square() * 1.001 + 1e-4, -1.0) - batch.centre.square().sum(-1)
    forward = along * (along * along).sum(0).rsqrt()
    foot = start - (start * forward).sum(0) * forward  # point of the line that is nearest to the world origin
    ahead = batch.centre @ forward.transpose(0, 1)  # (B, P, K)
    aside = batch.centre @ foot.transpose(0, 1)
    return ahead.square() + 2 * aside + limit[..., None] >= (foot * foot).sum(0)[:, None]


def bounding_radius(
    kind: Float[Tensor, " *batch"], scale: Float[Tensor, "*batch 3"], form: Float[Tensor, " *batch"]
) -> Float[Tensor, " *batch"]:
    """Radius of a sphere about the centre that holds the solid scaled by `scale` (half sizes)."""
    wide = torch.maximum(scale[..., 0], scale[..., 1])
    high, corner = scale[..., 2], scale.norm(dim=-1)
    of_kind = {
        Kind.ELLIPSOID: scale.amax(dim=-1),
        Kind.BOX: corner,
        Kind.TORUS: torch.hypot(wide, high * form),
        Kind.BARREL: torch.maximum(wide, torch.hypot(wide * form, high)),
        Kind.WEDGE: corner,
        Kind.PYRAMID: corner,
        Kind.ROUNDED: (scale**4).sum(-1) ** 0.25,
    }
    radius = torch.hypot(wide, high)
    for this, reach in of_kind.items():
        radius = torch.where(kind == this, reach, radius)
    return radius


def _shade(batch: ProceduralBatch, rows: Slots, slot: Slots, points: Lines) -> Float[Tensor, "hits 3"]:
    """Lit colour at surface points."""
    turn = batch.rotation.view(-1, 3, 3)[slot].permute(1, 2, 0)
    scale = batch.scale.view(-1, 3)[slot].T
    inside = _turn(turn.transpose(0, 1), points - batch.centre.view(-1, 3)[slot].T)
    local, kinds, form = inside / scale, batch.kind.view(-1)[slot], batch.form.view(-1)[slot]
    facing = torch.empty_like(local)
    for kind in Kind:
        chosen = (kinds == kind).nonzero()[:, 0]
        facing[:, chosen] = normal(kind, local[:, chosen], form[chosen])
    outward = _turn(turn, facing / scale)
    outward = outward * (outward * outward).sum(0).rsqrt()
    wrap, ambient, lit = batch.wrap[rows], batch.ambient[rows], torch.zeros_like(outward[0])
    for light in range(batch.light.shape[1]):
        cosine = (outward * batch.light[rows, light].T).sum(0)
        lit = lit + batch.strength[rows, light] * ((cosine + wrap) / (1 + wrap)).clamp(min=0)
    textures = batch.textures.map(lambda value: value.flatten(0, 1)[slot])
    return albedo(textures, inside.T) * (ambient + (1 - ambient) * lit)[:, None]


def _turn(matrix: Float[Tensor, "3 3 lines"], vectors: Lines) -> Lines:
    return matrix[:, 0] * vectors[0] + matrix[:, 1] * vectors[1] + matrix[:, 2] * vectors[2]
