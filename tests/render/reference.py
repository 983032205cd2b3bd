"""The plain dense path of the renderer: every sample of every ray through grid_sample and the decoder."""

import torch
from torch.nn.functional import grid_sample, softplus

from lrm_core.render.quadrature import fine_samples
from lrm_core.render.rays import camera_rays


def _ref_raw(planes, decoder, points):
    """planes (3, C, R, R), points (P, 3) -> raw (P, 4)."""
    x, y, z = points.unbind(-1)
    grids = torch.stack([torch.stack(pair, -1) for pair in ((x, y), (x, z), (z, y))])  # (3, P, 2)
    features = grid_sample(planes, grids[:, None], align_corners=False)[:, :, 0]  # (3, C, P)
    return decoder.net(features.flatten(0, 1).T)


def _ref_values(planes, decoder, origins, directions, depths):
    points = origins[:, None] + directions[:, None] * depths[..., None]
    outside = (points.abs() > 1).any(-1)
    raw = _ref_raw(planes, decoder, points.flatten(0, 1)).unflatten(0, points.shape[:2])
    density = raw[..., 0].masked_fill(outside, -torch.inf)
    colour = (torch.sigmoid(raw[..., 1:]) * 1.002 - 0.001).masked_fill(outside[..., None], 0)
    return density, colour


def _ref_composite(depths, density, colour):
    """Sample by sample, as one would write it down."""
    light = torch.ones_like(depths[:, 0])
    rgb, weights, mean_depth = 0, [], 0
    for k in range(depths.shape[1] - 1):
        sigma = softplus((density[:, k] + density[:, k + 1]) / 2 - 1)
        alpha = 1 - torch.exp(-sigma * (depths[:, k + 1] - depths[:, k]))
        weights.append(light * alpha)
        rgb = rgb + weights[-1][:, None] * (colour[:, k] + colour[:, k + 1]) / 2
        mean_depth = mean_depth + weights[-1] * (depths[:, k] + depths[:, k + 1]) / 2
        light = light * (1 - alpha + 1e-10)
    weights = torch.stack(weights, dim=1)
    return rgb, weights, mean_depth / weights.sum(1)


def _ref_render_rays(planes, decoder, origins, directions, samples_per_ray, background=1.0, chunk=4096):
    """planes (3, C, R, R), rays (K, 3) -> rgb (K, 3), depth (K,), weight (K,)."""
    first, second = (-1 - origins) / directions, (1 - origins) / directions
    near, far = torch.minimum(first, second).amax(-1).clamp(min=0), torch.maximum(first, second).amin(-1)
    hit = far > near
    near, far = torch.where(hit, near, near[hit].min()), torch.where(hit, far, near[hit].max())
    half = samples_per_ray // 2
    parts = []
    for o, d, a, b in zip(*(part.split(chunk) for part in (origins, directions, near, far)), strict=True):
        coarse = a[:, None] + (torch.arange(half) + 0.5) * ((b - a) / (half - 1))[:, None]
        density, colour = _ref_values(planes, decoder, o, d, coarse)
        with torch.no_grad():
            quantiles = ((torch.arange(half, dtype=o.dtype) + 0.5) / half).expand(len(o), half)
            fine, _ = fine_samples(coarse, _ref_composite(coarse, density, colour)[1], quantiles)
        more_density, more_colour = _ref_values(planes, decoder, o, d, fine)
        depths, order = torch.cat([coarse, fine], 1).sort(1)
        density = torch.cat([density, more_density], 1).gather(1, order)
        colour = torch.cat([colour, more_colour], 1).gather(1, order[..., None].expand(-1, -1, 3))
        rgb, weights, depth = _ref_composite(depths, density, colour)
        weight = weights.sum(1)
        parts.append((rgb + background * (1 - weight[:, None]), depth, weight))
    return tuple(torch.cat(part) for part in zip(*parts, strict=True))


def _ref_render_view(planes, decoder, camera, resolution, samples_per_ray, **options):
    rays = camera_rays(camera, resolution)
    return _ref_render_rays(planes, decoder, rays.origins, rays.directions, samples_per_ray, **options)
