"""A renderer to first order: its Jacobian as products, its leading directions, and what nothing in particular has.

J is the Jacobian of a function of the planes, n numbers in and m numbers out. It is never written down: J v and
J^T u are enough for its leading singular directions and for how much it changes random directions.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, sqrt

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lrm_core.spectral.bands import split_bands

Product = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Linearised:
    """A function around one point."""

    value: Float[Tensor, "*outputs"]  # of the function there
    jvp: Product  # J v, from (*inputs) to (*outputs)
    vjp: Product  # J^T u, from (*outputs) to (*inputs)


@dataclass(frozen=True)
class Leading:
    """Leading singular directions of a linear map, and the moments of all its singular values s."""

    values: Float[Tensor, "rank"]  # the largest singular values, descending
    # orthonormal in the inputs, (rank, *inputs); the largest entry of each is positive
    directions: Float[Tensor, "rank *inputs"]
    squares: float  # estimate of sum s^2, which is n times the mean squared gain of random directions
    fourths: float  # estimate of sum s^4


def linearise(function: Callable[[Tensor], Tensor], at: Float[Tensor, "*inputs"]) -> Linearised:
    """Products with the Jacobian of a function at a point.

    J^T u is one backward pass. J v differentiates J^T u, which is linear in u, once more (Townsend 2017), so that
    a function without forward-mode derivatives will do; the two products are exact transposes of each other.
    Both keep the graph of one evaluation in memory, and raise ValueError for a vector of another shape than theirs.
    The function is differentiable twice.
    """
    with torch.enable_grad():
        inputs = at.detach().clone().requires_grad_()
        value = function(inputs)
        if not value.requires_grad:  # the inputs reach no output
            value = value + 0 * inputs.sum()
        dual = torch.zeros_like(value, requires_grad=True)
        (pulled,) = torch.autograd.grad(value, inputs, dual, create_graph=True)

    def jvp(vector: Tensor) -> Tensor:
        _check_shape(vector, at)
        return torch.autograd.grad(pulled, dual, vector, retain_graph=True, materialize_grads=True)[0]

    def vjp(vector: Tensor) -> Tensor:
        _check_shape(vector, value)
        return torch.autograd.grad(value, inputs, vector, retain_graph=True)[0]

    return Linearised(value.detach(), jvp, vjp)


def leading_directions(
    jvp: Product,
    vjp: Product,
    like: Float[Tensor, "*inputs"],
    rank: int,
    generator: torch.Generator,
    *,
    oversample: int = 4,
    iterations: int = 2,
) -> Leading:
    """Randomised singular value decomposition by subspace iteration (Halko, Martinsson and Tropp 2011, 4.4, 5.1).

    `rank + oversample` Gaussian directions are taken through J^T J `iterations` times, made orthonormal after each,
    and J is decomposed on what they span. On their first way they also give the moments of the singular values:
    E |J w|^2 = sum s^2 and E |J^T J w|^2 = sum s^4 for w of norm sqrt(n) (Hutchinson 1990).

    It takes (`iterations` + 1) * (rank + oversample) products with J all in all.

    Args:
        jvp, vjp: J v from (*inputs), and J^T u back to them.
        like: gives shape, type and device of the inputs.
        oversample: further directions, which are thrown away; together at most as many as there are inputs.
        iterations: of J^T J, at least 1. The error falls with the ratio of singular values to that power.
    """
    count = rank + oversample
    if rank < 1 or oversample < 0 or iterations < 1 or count > like.numel():
        raise ValueError(
            f"expected rank and iterations >= 1, oversample >= 0 and together at most {like.numel()} directions, "
            f"found rank {rank}, oversample {oversample}, iterations {iterations}"
        )
    drawn = torch.randn(count, *like.shape, generator=generator, device=generator.device).to(like)
    drawn = torch.stack([with_norm(w, sqrt(w.numel())) for w in drawn])
    forward = torch.stack([jvp(direction) for direction in drawn])
    back = torch.stack([vjp(image) for image in forward])
    squares, fourths = (float(x.square().sum()) / count for x in (forward, back))
    basis = _orthonormal(back)
    for _ in range(iterations - 1):
        basis = _orthonormal(torch.stack([vjp(jvp(direction)) for direction in basis]))
    images = torch.stack([jvp(direction) for direction in basis]).flatten(1)  # (count, outputs)
    mixed, values, _ = torch.linalg.svd(images, full_matrices=False)
    found = _signed((mixed.T @ basis.flatten(1))[:rank])
    return Leading(values[:rank], found.unflatten(1, like.shape), squares, fourths)


def effective_dimension(squares: float, fourths: float) -> float:
    """Number of equal singular values that have the same two moments, (sum s^2)^2 / sum s^4; 0 for a zero map."""
    return squares**2 / fourths if fourths else 0.0


def expected_spread(dimension: float, inputs: int) -> float:
    """Standard deviation over mean of |J v| among random directions v of one norm, in a map of n inputs.

    |J v|^2 of a v that is uniform on the sphere has the mean sum s^2 / n and the second moment
    (2 sum s^4 + (sum s^2)^2) / (n (n + 2)); the root halves the relative spread. With d the effective dimension,
    sqrt((n / d - 1) / (2 n + 4)), which is about 1 / sqrt(2 d) where d is far below n: it says how many singular
    values count, and not that they are equal. ValueError unless 0 < d <= n, up to rounding.
    """
    if not 0 < dimension <= inputs * (1 + 1e-6):
        raise ValueError(f"expected a dimension above 0 and at most {inputs}, found {dimension}")
    return sqrt(max(inputs / dimension - 1, 0.0) / (2 * inputs + 4))


def random_map_ratio(inputs: int, outputs: int) -> float:
    """Largest singular value over the gain of a random direction in a Gaussian random matrix.

    Of a matrix outputs x inputs of normal numbers they are sqrt(outputs) + sqrt(inputs) (Bai and Yin 1993) and
    sqrt(outputs): the ratio 1 + sqrt(inputs / outputs) of a map that prefers no direction.
    """
    return 1 + sqrt(inputs / outputs)


def random_map_dimension(inputs: int, outputs: int) -> float:
    """Effective dimension n m / (n + m + 1) of such a matrix: E sum s^2 = n m, E sum s^4 = n m (n + m + 1)."""
    return inputs * outputs / (inputs + outputs + 1)


def direction(
    like: Float[Tensor, "3 c r r"],
    norm: float,
    generator: torch.Generator,
    *,
    band: tuple[float, float] = (0.0, inf),
    mask: Bool[Tensor, "3 r r"] | None = None,
) -> Float[Tensor, "3 c r r"]:
    """A random direction of a given Euclidean norm: white noise, of one band or in some texels only.

    The norm is over all numbers of the planes. The band is [low, high) in x Nyquist; `math.inf` includes the corners.
    The mask, outside of which the direction is zero, is applied after the band; ValueError if nothing is left.
    """
    drawn = torch.randn(like.shape, generator=generator, device=generator.device).to(like)
    if band != (0.0, inf):
        drawn = split_bands(drawn, band)[0]
    return with_norm(drawn if mask is None else drawn * mask[:, None], norm)


def with_norm(x: Float[Tensor, "*shape"], norm: float) -> Float[Tensor, "*shape"]:
    """x, longer or shorter, with this Euclidean norm; ValueError if x is zero."""
    length = float(x.norm())
    if not length:
        raise ValueError("expected a direction, found zeros in every place")
    return x * (norm / length)


def captured_share(
    x: Float[Tensor, "*inputs"], directions: Float[Tensor, "rank *inputs"], gains: Float[Tensor, "rank"] | None = None
) -> float:
    """Squared length of x along orthonormal directions, each with its squared gain; without gains, over |x|^2."""
    along = directions.flatten(1) @ x.flatten()
    if gains is not None:
        return float((gains * along).square().sum())
    return float(along.square().sum() / x.square().sum())


def _orthonormal(vectors: Float[Tensor, "count *inputs"]) -> Float[Tensor, "count *inputs"]:
    q, _ = torch.linalg.qr(vectors.flatten(1).T)
    return q.T.reshape(vectors.shape)


def _signed(vectors: Float[Tensor, "rank inputs"]) -> Float[Tensor, "rank inputs"]:
    largest = vectors.gather(1, vectors.abs().argmax(1, keepdim=True))
    return vectors * torch.where(largest < 0, -1.0, 1.0).to(vectors)


def _check_shape(found: Tensor, like: Tensor) -> None:
    if found.shape != like.shape:
        wanted = f"a vector of shape {tuple(like.shape)} ({like.numel()} numbers)"
        raise ValueError(f"expected {wanted}, found {tuple(found.shape)}")
