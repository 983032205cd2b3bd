"""Clouds of points: PLY read back by trimesh, records there and back, histograms in closed form."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from lrm_core.evidence.canonical import canonical_json, plain
from lrm_core.evidence.point_cloud import BINS, PointCloud, summary


def cloud(count: int = 50, seed: int = 0) -> PointCloud:
    generator = torch.Generator().manual_seed(seed)
    points = 2 * torch.rand(count, 3, generator=generator) - 1
    colour, error = torch.rand(count, 3, generator=generator), torch.rand(count, generator=generator)
    return PointCloud(points, colour, error, torch.rand(count, generator=generator) < 0.5)


def test_trimesh_reads_points_and_colours_back(tmp_path: Path) -> None:
    written, path = cloud(), tmp_path / "cloud.ply"
    path.write_bytes(written.ply())
    read = trimesh.load(path)
    assert isinstance(read, trimesh.PointCloud)
    np.testing.assert_array_equal(read.vertices.astype(np.float32), written.points.numpy())
    expected = (written.colour * 255).round().to(torch.uint8).numpy()
    np.testing.assert_array_equal(read.colors[:, :3], expected)
    further = read.metadata["_ply_raw"]["vertex"]["data"]
    np.testing.assert_array_equal(np.ravel(further["error"]), written.error.numpy())
    np.testing.assert_array_equal(np.ravel(further["hidden"]).astype(bool), written.hidden.numpy())


def test_a_cloud_of_no_points_has_a_header_alone() -> None:
    assert cloud(0).ply().endswith(b"property uchar hidden\nend_header\n")
    assert b"element vertex 0\n" in cloud(0).ply()


@settings(max_examples=30, deadline=None)
@given(count=st.integers(0, 40), seed=st.integers(0, 1000))
def test_a_record_keeps_the_cloud_up_to_rounding(count: int, seed: int) -> None:
    before = cloud(count, seed)
    stored = json.loads(canonical_json(plain(before.record())))
    after = PointCloud.from_record(stored)
    torch.testing.assert_close(after.points, before.points, atol=5.1e-4, rtol=0)
    torch.testing.assert_close(after.error, before.error, atol=5.1e-5, rtol=0)
    torch.testing.assert_close(after.colour, before.colour, atol=0.51 / 255, rtol=0)
    assert torch.equal(after.hidden, before.hidden)
    assert PointCloud.from_record(after.record()).record() == after.record()


def test_a_sample_is_a_part_of_the_cloud_without_repetition() -> None:
    whole = cloud(100)
    part = whole.sample(30, torch.Generator().manual_seed(1))
    rows = {tuple(point.tolist()): index for index, point in enumerate(whole.points)}
    chosen = [rows[tuple(point.tolist())] for point in part.points]
    assert len(set(chosen)) == 30
    assert chosen == sorted(chosen)
    torch.testing.assert_close(part.error, whole.error[chosen])
    assert torch.equal(part.hidden, whole.hidden[chosen])
    assert len(whole.sample(1000, torch.Generator())) == 100


def test_columns_that_do_not_fit_are_refused() -> None:
    good = cloud(4)
    with pytest.raises(ValueError, match=r"found \[\(4, 3\), \(4, 3\), \(3,\), \(4,\)\]"):
        PointCloud(good.points, good.colour, good.error[:3], good.hidden)
    with pytest.raises(ValueError, match="missing \\['error'\\]"):
        PointCloud.from_record({name: v for name, v in good.record().items() if name != "error"})
    with pytest.raises(ValueError, match="columns of one length"):
        PointCloud.from_record(good.record() | {"y": [0.0]})
    with pytest.raises(ValueError, match="expected points and colour"):
        PointCloud.from_record(good.record() | {"error": [0.0]})


def test_summary_of_an_even_spread() -> None:
    error = (torch.arange(1000) + 0.5) / 1000
    found = summary(error)
    assert found["points"] == 1000
    assert found["mean"] == pytest.approx(0.5)
    assert found["median"] == pytest.approx(0.5, abs=1e-3)
    assert found["worst_share"] == pytest.approx(0.19, abs=1e-4)  # 1 - 0.9^2
    assert found["histogram"] == pytest.approx([1 / BINS] * BINS)


@settings(max_examples=30, deadline=None)
@given(values=st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_properties_of_a_summary(values: list[float]) -> None:
    found = summary(torch.tensor(values))
    assert sum(found["histogram"]) == pytest.approx(1)
    if found["worst_share"] is not None:
        assert 0.1 - 1e-6 <= found["worst_share"] <= 1 + 1e-6


def test_summary_of_equal_errors_of_none_and_of_no_points() -> None:
    assert summary(torch.full((37,), 0.2))["worst_share"] == pytest.approx(0.1)
    assert summary(torch.zeros(5))["worst_share"] is None
    nothing = summary(torch.zeros(0))
    assert (nothing["points"], nothing["mean"], sum(nothing["histogram"])) == (0, None, 0)
