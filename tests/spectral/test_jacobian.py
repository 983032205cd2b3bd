"""Products with Jacobians, leading directions and gains, against matrices whose decomposition is known."""

from math import inf, sqrt

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lrm_core.render.lookup import lookup, padded
from lrm_core.spectral import band_shares
from lrm_core.spectral.jacobian import (
    captured_share,
    direction,
    effective_dimension,
    expected_spread,
    leading_directions,
    linearise,
    random_map_dimension,
    random_map_ratio,
    with_norm,
)

quick = settings(max_examples=20, deadline=None)
seeds = st.integers(0, 2**31)


def at(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=at(seed), dtype=torch.float64)


def known_map(values: torch.Tensor, inputs: int, outputs: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """A matrix (outputs, inputs) with these singular values, and its right singular vectors as rows."""
    left, right = (torch.linalg.qr(normal(n, len(values), seed=seed + k)).Q for k, n in enumerate((outputs, inputs)))
    return left @ values.double().diag() @ right.T, right.T


@quick
@given(seed=seeds)
def test_products_are_those_of_the_jacobian_written_down(seed: int) -> None:
    weight, point = normal(7, 12, seed=seed), normal(3, 4, seed=seed + 1)

    def function(x: torch.Tensor) -> torch.Tensor:
        return (weight @ x.flatten()).sigmoid().view(7, 1)

    written = torch.autograd.functional.jacobian(function, point).view(7, 12)
    around = linearise(function, point)
    v, u = normal(3, 4, seed=seed + 2), normal(7, 1, seed=seed + 3)
    torch.testing.assert_close(around.jvp(v).flatten(), written @ v.flatten())
    torch.testing.assert_close(around.vjp(u).flatten(), written.T @ u.flatten())
    torch.testing.assert_close(around.value, function(point))
    assert float((around.jvp(v) * u).sum()) == pytest.approx(float((around.vjp(u) * v).sum()))


def test_products_of_a_function_without_forward_mode() -> None:
    """The lookup of the renderer has a backward pass of its own only, and is linear."""
    planes, points = normal(3, 6, 6, 2), 2 * torch.rand(40, 3, generator=at(1), dtype=torch.float64) - 1
    around = linearise(lambda x: lookup(padded(x), points), planes)
    v = normal(3, 6, 6, 2, seed=2)
    torch.testing.assert_close(around.jvp(v), lookup(padded(v), points))
    expected = torch.autograd.functional.vjp(lambda x: lookup(padded(x), points), planes, around.value)[1]
    torch.testing.assert_close(around.vjp(around.value), expected)


def test_a_function_that_ignores_its_inputs_has_no_jacobian() -> None:
    around = linearise(lambda x: torch.ones(5, dtype=x.dtype), normal(3, 2))
    assert not around.jvp(normal(3, 2)).any()
    assert not around.vjp(normal(5)).any()
    found = leading_directions(around.jvp, around.vjp, normal(3, 2), 2, at())
    assert found.values.tolist() == [0, 0]
    assert effective_dimension(found.squares, found.fourths) == 0


def test_gradients_are_not_asked_for_outside() -> None:
    with torch.no_grad():
        around = linearise(torch.square, torch.tensor([1.0, 3.0]))
        assert around.jvp(torch.ones(2)).tolist() == [2.0, 6.0]


@quick
@given(seed=seeds, fall=st.floats(0.2, 0.8))
def test_the_leading_directions_of_a_known_map(seed: int, fall: float) -> None:
    values = 5 * fall ** torch.arange(20.0)
    matrix, right = known_map(values, 60, 40, seed % 1000)
    found = leading_directions(
        lambda v: matrix @ v.flatten(), lambda u: (matrix.T @ u).view(3, 20),
        normal(3, 20), 4, at(seed), oversample=6, iterations=3,
    )  # fmt: skip
    torch.testing.assert_close(found.values, values[:4].double(), rtol=1e-3, atol=0)
    flat = found.directions.flatten(1)
    torch.testing.assert_close(flat @ flat.T, torch.eye(4, dtype=torch.float64), atol=1e-10, rtol=0)
    assert ((flat * right[:4]).sum(1).abs() > 0.999).all()
    assert (flat.gather(1, flat.abs().argmax(1, keepdim=True)) > 0).all()


def test_the_moments_are_those_of_all_singular_values() -> None:
    values = torch.linspace(1, 3, 300)
    matrix, _ = known_map(values, 400, 350)
    like = normal(400)
    found = leading_directions(lambda v: matrix @ v, lambda u: matrix.T @ u, like, 30, at(3), oversample=10)
    assert found.squares == pytest.approx(float(values.square().sum()), rel=0.05)
    assert found.fourths == pytest.approx(float(values.pow(4).sum()), rel=0.1)


def test_the_spread_of_random_directions_follows_from_the_moments_of_a_lopsided_map() -> None:
    """One singular value ten times the others: random directions agree all the same, as A16 says."""
    values = torch.ones(2000)
    values[0] = 10
    matrix = values.double().diag()
    dimension = effective_dimension(float(values.square().sum()), float(values.pow(4).sum()))
    drawn = normal(4000, 2000, seed=1)
    gains = (drawn @ matrix).norm(dim=1) / drawn.norm(dim=1)
    assert float(gains.std() / gains.mean()) == pytest.approx(expected_spread(dimension, 2000), rel=0.05)
    assert float(gains.std() / gains.mean()) < 0.05
    assert values[0] / gains.mean() > 9


@quick
@given(count=st.integers(1, 50), scale=st.floats(0.1, 10))
def test_equal_singular_values_are_as_many_as_there_are(count: int, scale: float) -> None:
    assert effective_dimension(count * scale**2, count * scale**4) == pytest.approx(count)
    assert expected_spread(count, count) == 0  # an isometry: every direction alike
    assert expected_spread(count, 10**9) == pytest.approx(1 / sqrt(2 * count))


def test_a_random_matrix_has_the_ratio_of_a_random_matrix() -> None:
    matrix = normal(300, 900)
    random = (matrix @ with_norm(normal(900, seed=1), 1.0)).norm()
    assert float(torch.linalg.matrix_norm(matrix, 2) / random) == pytest.approx(random_map_ratio(900, 300), rel=0.05)
    gram = matrix @ matrix.T
    dimension = effective_dimension(float(gram.trace()), float(gram.square().sum()))
    assert dimension == pytest.approx(random_map_dimension(900, 300), rel=0.02)


@quick
@given(seed=seeds, norm=st.floats(1e-3, 1e3), low=st.sampled_from([0.0, 0.3, 0.6]))
def test_directions_have_their_norm_their_band_and_their_mask(seed: int, norm: float, low: float) -> None:
    like = normal(3, 2, 16, 16)
    inside = direction(like, norm, at(seed), band=(low, low + 0.3))
    assert float(inside.norm()) == pytest.approx(norm)
    shares = band_shares(inside, (low, low + 0.3))
    torch.testing.assert_close(shares, torch.ones_like(shares))
    mask = torch.zeros(3, 16, 16, dtype=torch.bool)
    mask[:, 4:9, 3:5] = True
    masked = direction(like, norm, at(seed), mask=mask)
    assert float(masked.norm()) == pytest.approx(norm)
    assert not masked[~mask[:, None].expand_as(masked)].any()
    white, again = (direction(like, norm, at(seed), band=(0.0, inf)) for _ in range(2))
    assert torch.equal(white, again)
    torch.testing.assert_close(masked / masked.norm(), (white * mask[:, None]) / (white * mask[:, None]).norm())


def test_what_directions_capture() -> None:
    frame = torch.eye(6, dtype=torch.float64).view(6, 2, 3)[:2]
    x = torch.tensor([[3.0, 4.0, 0.0], [0.0, 0.0, 5.0]], dtype=torch.float64)
    assert captured_share(x, frame) == pytest.approx(25 / 50)
    assert captured_share(x, frame, torch.tensor([2.0, 1.0], dtype=torch.float64)) == pytest.approx(36 + 16)


def test_what_cannot_be_is_refused() -> None:
    around = linearise(torch.square, normal(4))
    with pytest.raises(ValueError, match=r"a vector of shape \(4,\) \(4 numbers\), found \(3,\)"):
        around.jvp(normal(3))
    with pytest.raises(ValueError, match="a vector of shape"):
        around.vjp(normal(5))
    for rank, oversample, iterations in ((0, 1, 1), (2, -1, 1), (2, 1, 0), (3, 2, 1)):
        options = {"oversample": oversample, "iterations": iterations}
        with pytest.raises(ValueError, match=f"found rank {rank}, oversample {oversample}"):
            leading_directions(around.jvp, around.vjp, normal(4), rank, at(), **options)
    with pytest.raises(ValueError, match="found zeros"):
        direction(normal(3, 2, 8, 8), 1.0, at(), band=(1.5, 1.6))
    with pytest.raises(ValueError, match="found zeros"):
        direction(normal(3, 2, 8, 8), 1.0, at(), mask=torch.zeros(3, 8, 8, dtype=torch.bool))
    for dimension in (0.0, 9.0):
        with pytest.raises(ValueError, match=f"above 0 and at most 8, found {dimension}"):
            expected_spread(dimension, 8)
