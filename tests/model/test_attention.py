"""Attention against a plain softmax, values and gradients, on each path that this machine has."""

import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lrm_core.model.transformer import _tokens_first, attention


def _ref_attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """One query at a time."""
    rows = []
    for i in range(query.shape[-2]):
        score = (key * query[..., i : i + 1, :]).sum(-1) / query.shape[-1] ** 0.5
        weight = score.exp() / score.exp().sum(-1, keepdim=True)
        rows.append((weight[..., None] * value).sum(-2))
    return torch.stack(rows, dim=-2)


def _inputs(queries: int, keys: int, seed: int = 0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [
        torch.randn(2, 3, count, 4, generator=generator, dtype=torch.float64).requires_grad_()
        for count in (queries, keys, keys)
    ]


@settings(max_examples=15, deadline=None)
@given(queries=st.integers(1, 7), keys=st.integers(1, 9), seed=st.integers(0, 1000))
def test_values_and_gradients_match_plain_softmax(queries: int, keys: int, seed: int) -> None:
    inputs = _inputs(queries, keys, seed)
    expected, found = _ref_attention(*inputs), attention(*inputs)
    torch.testing.assert_close(found, expected)
    weight = torch.linspace(-1, 1, expected.numel(), dtype=torch.float64).view_as(expected)
    for ours, theirs in zip(
        torch.autograd.grad((found * weight).sum(), inputs),
        torch.autograd.grad((expected * weight).sum(), inputs),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs)


def test_operator_with_tokens_before_heads() -> None:
    """xFormers wants (batch, tokens, heads, width); a stand-in with that layout gives the same."""

    def operator(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        assert query.shape == (2, 5, 3, 4)
        assert key.shape == (2, 6, 3, 4)
        score = torch.einsum("bqhd,bkhd->bhqk", query, key) / 2
        return torch.einsum("bhqk,bkhd->bqhd", score.softmax(-1), value)

    inputs = _inputs(5, 6)
    torch.testing.assert_close(_tokens_first(operator, *inputs), _ref_attention(*inputs))


def test_cpu_attention_never_imports_xformers() -> None:
    code = (
        "import sys, torch; from lrm_core.model.transformer import attention; "
        "x = torch.ones(1, 1, 2, 4); attention(x, x, x); "
        "sys.exit('xformers' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_cuda_matches_plain_softmax(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    inputs = [torch.randn(2, 3, count, 32, generator=generator).cuda().to(dtype) for count in (40, 33, 33)]
    found = attention(*inputs).float()
    near = 1e-4 if dtype == torch.float32 else 2e-2
    torch.testing.assert_close(found, _ref_attention(*(x.float() for x in inputs)), atol=near, rtol=near)
