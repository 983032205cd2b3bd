"""`batched.march_plainly` as two kernels of Triton: lookup in three planes, decoder and quadrature along a ray.

A program walks a ray from front to back, TILE samples at a time; neighbouring tiles share a sample, so that each
holds TILE - 1 whole intervals. Tiles in which nothing is needed pass by without the decoder, and behind what is
opaque the walk ends. Nothing is kept of a sample: the backward pass walks again and computes what enters each layer
anew (the idea of Lightplane, Cao et al. 2024). It adds to the gradient of the table by atomics; the gradient of the
decoder is summed by each program over its rays, then over the programs.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import pad

from lrm_core.model.lrm import HIDDEN
from lrm_core.render import walk
from lrm_core.render.batched import Course, Marched
from lrm_core.render.field import Field

# sizes that kernels know: samples of a tile, width of the hidden layers, outputs of the decoder filled up from 4 (a
# product of Triton takes 16 or more), and the share of the light at which a walk ends
TILE, H, W, DARK = (tl.constexpr(value) for value in (16, HIDDEN, 16, walk.DARK))
PRECISION = tl.constexpr("tf32x3")  # of products: three on tensor cores, as good as one in float32
PROGRAMS = 1024  # of the backward pass, each with a gradient of the decoder of its own


@triton.jit
def _over(x, chosen):
    """For each sample of a tile the sum over those that are chosen for it, (TILE, TILE)."""
    return tl.sum(tl.where(chosen, x[None, :], 0.0), axis=1)


@triton.jit
def _axis(x, SIDE: tl.constexpr):
    """The lower texel of a coordinate and the share of the next one; twin of `lookup.corners_and_weights`."""
    along = tl.minimum(tl.maximum(x * ((SIDE - 2) / 2) + (SIDE - 1) / 2, 0.0), SIDE - 1.0)
    lower = tl.minimum(tl.floor(along), SIDE - 2.0)
    return lower.to(tl.int32), along - lower


@triton.jit
def _texel(k: tl.constexpr, where, SIDE: tl.constexpr):
    """Row of an object's table and weight of the k-th of 12 texels: four on each of the planes xy, xz, zy."""
    x, y, z, next_x, next_y, next_z = where
    row, column, down, right = y, x, next_y, next_x
    if k // 4 == 1:
        row, down = z, next_z
    if k // 4 == 2:
        column, right = z, next_z
    if k // 2 % 2 == 0:
        down = 1 - down
    if k % 2 == 0:
        right = 1 - right
    return ((k // 4) * SIDE + row + k // 2 % 2) * SIDE + column + k % 2, down * right


@triton.jit
def _samples(course, ray, first, samples, row, SIDE: tl.constexpr):
    """Of a tile: depths, raw densities where known, what needs the decoder, first row of the table, place in it."""
    origins, directions, of, depths, known = course
    there = first + row < samples
    depth = tl.load(depths + ray * samples + first + row, mask=there, other=0.0)
    density = tl.load(known + ray * samples + first + row, mask=there, other=-float("inf"))
    x, next_x = _axis(tl.load(origins + 3 * ray) + depth * tl.load(directions + 3 * ray), SIDE)
    y, next_y = _axis(tl.load(origins + 3 * ray + 1) + depth * tl.load(directions + 3 * ray + 1), SIDE)
    z, next_z = _axis(tl.load(origins + 3 * ray + 2) + depth * tl.load(directions + 3 * ray + 2), SIDE)
    start = tl.load(of + ray) * (3 * SIDE * SIDE)
    return depth, density, density == float("inf"), start, (x, y, z, next_x, next_y, next_z)


@triton.jit
def _decoded(decoder, start, where, needed, SIDE: tl.constexpr):
    """What enters each layer after the first, and the raw values; 0 where not needed."""
    table, wide, last, biases, last_bias = decoder
    h, c = tl.arange(0, H), tl.arange(0, W)
    one = tl.load(biases + h)[None, :]
    for k in tl.static_range(12):
        texel, weight = _texel(k, where, SIDE)
        found = tl.load(table + (start + texel)[:, None] * H + h[None, :], mask=needed[:, None], other=0.0)
        one = one + weight[:, None] * found
    one = tl.maximum(one, 0.0)
    two = tl.dot(one, tl.load(wide + h[None, :] * H + h[:, None]), input_precision=PRECISION)
    two = tl.maximum(two + tl.load(biases + H + h)[None, :], 0.0)
    three = tl.dot(two, tl.load(wide + H * H + h[None, :] * H + h[:, None]), input_precision=PRECISION)
    three = tl.maximum(three + tl.load(biases + 2 * H + h)[None, :], 0.0)
    raw = tl.dot(three, tl.load(last + c[None, :] * H + h[:, None]), input_precision=PRECISION)
    return one, two, three, tl.where(needed[:, None], raw + tl.load(last_bias + c)[None, :], 0.0)


@triton.jit
def _pulled(decoder, back, one, two, three):
    """Gradient of what leaves each of the three hidden layers, before ReLU, from that of the raw values."""
    h, c = tl.arange(0, H)[:, None], tl.arange(0, W)[:, None]
    column = tl.arange(0, H)[None, :]
    of_three = tl.dot(back, tl.load(decoder[2] + c * H + column), input_precision=PRECISION)
    of_three = tl.where(three > 0, of_three, 0.0)
    of_two = tl.dot(of_three, tl.load(decoder[1] + H * H + h * H + column), input_precision=PRECISION)
    of_two = tl.where(two > 0, of_two, 0.0)
    of_one = tl.dot(of_two, tl.load(decoder[1] + h * H + column), input_precision=PRECISION)
    return tl.where(one > 0, of_one, 0.0), of_two, of_three


@triton.jit
def _activated(raw, density, needed):
    """Raw densities, and sigmoid and colour of what was decoded."""
    of_density = tl.arange(0, W)[None, :] == 0
    density = tl.where(needed, tl.sum(tl.where(of_density, raw, 0.0), axis=1), density)
    bright = tl.sigmoid(raw)
    return density, bright, tl.where(needed[:, None], bright * 1.002 - 0.001, 0.0)


@triton.jit
def _quadrature(depth, density, light, first, samples, row):
    """Of the intervals from each sample to the next: middle, length, what is absorbed and what comes through.

    Then the share of each sample's colour, and the light behind the tile.
    """
    whole = (row < TILE - 1) & (first + row + 1 < samples)
    after = row[None, :] == row[:, None] + 1
    middle = (density + _over(density, after)) / 2 - 1
    length = tl.where(whole, _over(depth, after) - depth, 0.0)
    optical = (tl.maximum(middle, 0.0) + tl.log(1 + tl.exp(-tl.abs(middle)))) * length
    through = tl.exp(-optical)
    reach = light * tl.exp(-_over(optical, row[None, :] < row[:, None]))
    absorbed = reach * (1 - through)
    share = (absorbed + _over(absorbed, row[None, :] == row[:, None] - 1)) / 2
    return middle, length, absorbed, reach * through, share, light * tl.exp(-tl.sum(optical, axis=0))


@triton.jit
def _forward(course, decoder, colour, depth, weight, weights, samples, SIDE: tl.constexpr):
    ray, row, c = tl.program_id(0), tl.arange(0, TILE), tl.arange(0, W)
    seen, light, total, far = tl.zeros((W,), tl.float32), 1.0, 0.0, 0.0
    for first in range(0, samples - 1, TILE - 1):
        if light > DARK:
            t, density, needed, start, where = _samples(course, ray, first, samples, row, SIDE)
            raw = tl.zeros((TILE, W), tl.float32)
            if tl.sum(needed.to(tl.int32), axis=0) > 0:
                raw = _decoded(decoder, start, where, needed, SIDE)[3]
            lit = _activated(raw, density, needed)
            between = _quadrature(t, lit[0], light, first, samples, row)
            length, absorbed, share, light = between[1], between[2], between[4], between[5]
            seen += tl.sum(share[:, None] * lit[2], axis=0)
            total += tl.sum(absorbed, axis=0)
            far += tl.sum(absorbed * (t + length / 2), axis=0)
            place = ray * (samples - 1) + first + row
            tl.store(weights + place, absorbed, mask=(row < TILE - 1) & (first + row + 1 < samples))
    tl.store(colour + 3 * ray + c - 1, seen, mask=(c > 0) & (c < 4))
    tl.store(depth + ray, far / total)
    tl.store(weight + ray, total)


@triton.jit
def _backward(
    course, decoder, seen, grads, grad_table, grad_wide, grad_last, grad_biases, grad_last_bias, rays, samples,
    SIDE: tl.constexpr, TRAINED: tl.constexpr,
):  # fmt: skip
    program, row, h, c = tl.program_id(0), tl.arange(0, TILE), tl.arange(0, H), tl.arange(0, W)
    square, end = h[:, None] * H + h[None, :], c[:, None] * H + h[None, :]
    if TRAINED:
        sum_first, sum_second = tl.zeros((H, H), tl.float32), tl.zeros((H, H), tl.float32)
        sum_last, sum_bias = tl.zeros((W, H), tl.float32), tl.zeros((W,), tl.float32)
        bias_one, bias_two, bias_three = (
            tl.zeros((H,), tl.float32), tl.zeros((H,), tl.float32), tl.zeros((H,), tl.float32)
        )  # fmt: skip
    for ray in range(program, rays, tl.num_programs(0)):
        colours = (c > 0) & (c < 4)
        pull = tl.load(grads[0] + 3 * ray + c - 1, mask=colours, other=0.0)
        total, wanted = tl.load(seen[2] + ray), tl.load(grads[2] + ray)
        mean = tl.where(total > 0, tl.load(seen[1] + ray), 0.0)
        spread = tl.where(total > 0, tl.load(grads[1] + ray) / total, 0.0)
        # what all intervals together give to the loss; the depth moves it only among them
        behind = tl.sum(pull * tl.load(seen[0] + 3 * ray + c - 1, mask=colours, other=0.0), axis=0) + wanted * total
        light = 1.0
        for first in range(0, samples - 1, TILE - 1):
            if light > DARK:
                t, density, needed, start, where = _samples(course, ray, first, samples, row, SIDE)
                some = tl.sum(needed.to(tl.int32), axis=0) > 0
                one = tl.zeros((TILE, H), tl.float32)
                two, three, raw = one, one, tl.zeros((TILE, W), tl.float32)
                if some:
                    one, two, three, raw = _decoded(decoder, start, where, needed, SIDE)
                density, bright, shade = _activated(raw, density, needed)
                middle, length, absorbed, passing, share, light = _quadrature(t, density, light, first, samples, row)
                shown = tl.sum(shade * pull[None, :], axis=1)
                value = (
                    (shown + _over(shown, row[None, :] == row[:, None] + 1)) / 2
                    + wanted
                    + (t + length / 2 - mean) * spread
                )
                given = absorbed * value
                rest = behind - _over(given, row[None, :] < row[:, None]) - given
                slope = (passing * value - rest) * length * tl.sigmoid(middle) / 2
                slope += _over(slope, row[None, :] == row[:, None] - 1)
                if some:
                    back = share[:, None] * pull[None, :] * 1.002 * bright * (1 - bright)
                    back = tl.where(c[None, :] == 0, slope[:, None], back)
                    back = tl.where(needed[:, None], back, 0.0)
                    back_one, back_two, back_three = _pulled(decoder, back, one, two, three)
                    for k in tl.static_range(12):
                        texel, weight = _texel(k, where, SIDE)
                        place = grad_table + (start + texel)[:, None] * H + h[None, :]
                        tl.atomic_add(place, weight[:, None] * back_one, mask=needed[:, None], sem="relaxed")
                    if TRAINED:
                        sum_last += tl.dot(tl.trans(back), three, input_precision=PRECISION)
                        sum_second += tl.dot(tl.trans(back_three), two, input_precision=PRECISION)
                        sum_first += tl.dot(tl.trans(back_two), one, input_precision=PRECISION)
                        sum_bias += tl.sum(back, axis=0)
                        bias_three += tl.sum(back_three, axis=0)
                        bias_two += tl.sum(back_two, axis=0)
                        bias_one += tl.sum(back_one, axis=0)
                behind -= tl.sum(given, axis=0)
    if TRAINED:
        tl.store(grad_wide + program * 2 * H * H + square, sum_first)
        tl.store(grad_wide + (program * 2 + 1) * H * H + square, sum_second)
        tl.store(grad_last + program * W * H + end, sum_last)
        tl.store(grad_biases + program * 3 * H + h, bias_one)
        tl.store(grad_biases + (program * 3 + 1) * H + h, bias_two)
        tl.store(grad_biases + (program * 3 + 2) * H + h, bias_three)
        tl.store(grad_last_bias + program * W + c, sum_bias)


class _March(torch.autograd.Function):
    @staticmethod
    def forward(ctx, course: Course, *decoder: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        rays, samples = course.depths.shape
        seen = [course.depths.new_empty(rays, 3), *course.depths.new_empty(2, rays)]
        weights = course.depths.new_zeros(rays, samples - 1)
        _forward[(rays,)](tuple(course), decoder, *seen, weights, samples, SIDE=decoder[0].shape[-2])
        ctx.save_for_backward(*course, *decoder, *seen)
        ctx.mark_non_differentiable(weights)
        return *seen, weights

    @staticmethod
    @once_differentiable
    def backward(ctx, *grads: Tensor) -> tuple[Tensor | None, ...]:
        course, decoder, seen = (ctx.saved_tensors[part] for part in (slice(5), slice(5, 10), slice(10, None)))
        trained, (rays, samples) = any(ctx.needs_input_grad[2:]), course[3].shape
        programs = min(rays, PROGRAMS)
        table = torch.zeros_like(decoder[0])
        others = [part.new_empty(programs if trained else 0, *part.shape) for part in decoder[1:]]
        grads = tuple(grad.contiguous() for grad in grads[:3])
        sizes = {"rays": rays, "samples": samples, "SIDE": table.shape[-2], "TRAINED": trained}
        _backward[(programs,)](course, decoder, seen, grads, table, *others, **sizes)
        return None, table, *(part.sum(0) if trained else None for part in others)


def march(field: Field, course: Course) -> Marched:
    """What the samples add up to; the gradient cannot be differentiated.

    ValueError unless the rays are of float32.
    """
    if course.depths.dtype != torch.float32:
        raise ValueError(f"fused: expected rays of float32, found {course.depths.dtype}; use the packed path")
    (first, second), (last, last_bias) = zip(*field.layers[:2], strict=True), field.layers[2]
    end = (0, W.value - len(last_bias))
    weights = (torch.stack(first), pad(last, (0, 0, *end)))
    biases = (torch.stack([field.bias, *second]), pad(last_bias, end))
    decoder = (part.float().contiguous() for part in (field.table, *weights, *biases))
    return Marched(*_March.apply(course, *decoder))
