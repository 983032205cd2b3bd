"""Evaluation of a model on rendered objects: each number against its plain definition, and what cannot be read."""

import json
import shutil
from dataclasses import replace
from math import isnan
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio
from tiny_folder import save_square

from lrm_core import LRM
from lrm_core.objects import RenderedObject
from lrm_core.objects.caster import render_object
from lrm_core.predict.evaluate import (
    KEPT,
    METRICS,
    Evaluation,
    Pair,
    at_source_size,
    depth_error,
    evaluate,
    listed_objects,
    scored_views,
    true_depth,
)
from lrm_core.predict.evaluation_page import record, subject_of, summary
from lrm_core.render import Rendering, render_views
from lrm_core.render.cameras import look_at

SIDE = 32


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Three objects of five views; the third is broken."""
    root = tmp_path_factory.mktemp("rendered") / "things"
    for seed, name in enumerate(("bowl", "cup", "jug")):
        save_square(root / name, seed, views=5)
    (root / "jug/rgba/002.png").write_bytes(b"no picture")
    return root


@pytest.fixture(scope="module")
def found(model: LRM, folder: Path) -> Evaluation:
    return evaluate(model, [folder])


def test_a_view_scores_what_its_definitions_say(model: LRM, item: RenderedObject) -> None:
    pair = scored_views(model, item)[3]
    planes = model.predict_planes(item.images[:1], item.source_camera())
    seen = render_views(planes, model.decoder, item.cameras()[None], SIDE, samples_per_ray=16)
    image, target = seen.rgb[0, 3].double().numpy(), item.images[3].double().numpy()
    covered, true = seen.weight[0, 3, 0].numpy() > 0.5, item.masks[3, 0].numpy() > 0.5
    torch.testing.assert_close(pair.predicted, seen.rgb[0, 3])
    expected = {
        "psnr": peak_signal_noise_ratio(target, image, data_range=1),
        "l1": np.abs(image - target).mean(),
        "iou": (covered & true).sum() / (covered | true).sum(),
        "angle": 3 * 45,
    }
    assert {name: pair.scores[name] for name in expected} == pytest.approx(expected, rel=1e-4)
    assert (pair.scores["view"], pair.scores["kind"]) == (3, "novel")
    assert isnan(pair.scores["depth"])


@given(st.integers(0, 10_000))
def test_depth_error_looks_where_both_show_a_surface(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    depth, true, weight = torch.rand(3, 2, 1, 4, 4, generator=generator)
    true = torch.where(true > 0.4, true, torch.inf)[:, 0]
    measured = depth_error(Rendering(torch.zeros(2, 3, 4, 4), depth, weight), true)
    for view in range(2):
        errors = [
            abs(d - t)
            for d, t, w in zip(*(x.flatten().tolist() for x in (depth[view], true[view], weight[view])), strict=True)
            if w > 0.5 and t < torch.inf
        ]  # fmt: skip
        assert measured[view].item() == pytest.approx(np.mean(errors) if errors else np.nan, nan_ok=True)


def test_depth_is_known_of_an_object_that_can_be_made_again(item: RenderedObject) -> None:
    eye = 2 * torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0]])
    rgba, depth, _ = render_object(10_000_000, look_at(eye), SIDE)
    colour, alpha = rgba.split([3, 1], dim=1)
    made = replace(
        item.first(2),
        name="procedural_10000000",
        images=colour * alpha + 1 - alpha,
        masks=alpha,
        poses=look_at(eye),
    )
    known, _ = true_depth(made)
    torch.testing.assert_close(known, depth[:, 0])
    other, why = true_depth(replace(made, masks=1 - alpha))
    assert other is None
    assert "other ones" in why
    assert true_depth(item) == (
        None,
        "disc0: neither a procedural object nor a mesh of the repository has that name",
    )


def test_the_model_sees_the_source_at_its_own_size(model: LRM, make_object) -> None:
    item = make_object(0)
    twice = replace(
        item,
        images=item.images.repeat_interleave(2, -1).repeat_interleave(2, -2),
        masks=item.masks.repeat_interleave(2, -1).repeat_interleave(2, -2),
        intrinsics=2 * item.intrinsics,
    )
    assert torch.equal(at_source_size(item, SIDE).images, item.images[:1])
    small = at_source_size(twice, SIDE)
    assert small.images.shape == (1, 3, SIDE, SIDE)
    assert (small.images - item.images[:1]).abs().mean() < 0.02
    torch.testing.assert_close(small.source_camera(), item.source_camera())
    assert scored_views(model, twice)[0].predicted.shape == (3, 2 * SIDE, 2 * SIDE)


def test_what_lpips_or_the_renderer_cannot_take_is_said(model: LRM, item: RenderedObject) -> None:
    for images, found in ((item.images[..., :16, :16], "16x16"), (item.images[..., :16], "16x32")):
        with pytest.raises(ValueError, match=rf"disc0: expected square images of at least 32 .*, found {found}"):
            scored_views(model, replace(item, images=images))


def test_an_object_that_cannot_be_read_is_listed_and_the_others_go_on(found: Evaluation) -> None:
    assert found.objects()["object"].tolist() == ["bowl", "cup"]
    assert list(found.failed) == ["things/jug"]
    assert "002.png: corrupt or not a PNG" in found.failed["things/jug"]
    assert len(found.views()) == 10
    assert set(found.depth_unknown) == {"things/bowl", "things/cup"}


def test_objects_are_means_over_views_source_apart(found: Evaluation) -> None:
    views = found.views()
    for row in found.objects().to_dict("records"):
        mine = views[views["object"] == row["object"]]
        assert row["source.psnr"] == mine["psnr"].iloc[0]
        assert row["novel.lpips"] == pytest.approx(mine["lpips"].iloc[1:].mean())


def test_pictures_are_kept_of_the_best_and_the_worst_novel_views() -> None:
    """One pair of each object at either end, in order, and no more than are shown."""
    found = Evaluation()
    for number in range(KEPT + 2):
        images = torch.full((3, 4, 4), number / 10)
        pairs = [
            Pair({"object": str(number), "psnr": value}, images, images)
            for value in (99.0, 10.0 - number, 20.0 + number)
        ]
        found.add("group", pairs)
    assert [pair.scores["psnr"] for pair in found.best] == [20.0 + n for n in reversed(range(2, KEPT + 2))]
    assert [pair.scores["psnr"] for pair in found.worst] == [10.0 - n for n in reversed(range(2, KEPT + 2))]
    assert found.best[0].target[0, 0, 0].item() == pytest.approx((KEPT + 1) / 10)


def test_an_object_with_its_source_alone_has_no_novel_scores(model: LRM, item: RenderedObject) -> None:
    found = Evaluation()
    found.add("discs", scored_views(model, item.first(1)))
    (row,) = found.objects().to_dict("records")
    assert isnan(row["novel.psnr"])
    assert row["source.psnr"] == found.best[0].scores["psnr"]


def test_the_split_decides_which_objects_and_their_order(folder: Path, tmp_path: Path) -> None:
    root = tmp_path / "split"
    shutil.copytree(folder, root)
    (root / "meta").mkdir()
    for split, names in {"all": ["cup", "bowl"], "val": ["cup"], "train": []}.items():
        (root / "meta" / f"{split}_uids.json").write_text(json.dumps(names))
    assert listed_objects([root], "all") == [("split", root / "cup"), ("split", root / "bowl")]
    assert listed_objects([root], "val") == [("split", root / "cup")]
    with pytest.raises(FileNotFoundError, match="split: the list train in its meta is empty"):
        listed_objects([root], "train")


def test_folders_of_one_name_are_groups_of_their_own(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "things"
    shutil.copytree(folder, other)
    groups = {group for group, _ in listed_objects([folder, other, folder / "cup"], "all")}
    assert groups == {str(folder), str(other), "cup"}
    with pytest.raises(ValueError, match="expected each folder once"):
        listed_objects([folder, folder / "." / "cup" / ".."], "all")


def test_nothing_evaluated_is_an_error(model: LRM, folder: Path) -> None:
    with pytest.raises(ValueError, match=r"no object could be evaluated\n.*002.png"):
        evaluate(model, [folder / "jug"])


def test_the_mean_of_a_group_has_an_interval_from_three_objects_on() -> None:
    found = Evaluation()
    for number, value in enumerate((10.0, 12.0, 17.0)):
        scores = dict.fromkeys(METRICS, value) | {
            "object": str(number),
            "kind": "source",
            "depth": float("nan"),
        }
        found.add("group", [Pair(scores, torch.zeros(3, 2, 2), torch.zeros(3, 2, 2))])
    means = summary(found.objects())["group"]
    assert means["source"]["psnr"].estimate == 13
    assert 10 < means["source"]["psnr"].low < 13 < means["source"]["psnr"].high
    assert means["source"]["depth"] is None
    assert means["novel"]["psnr"] is None


def test_the_record_holds_every_number_and_where_it_comes_from(found: Evaluation, model: LRM) -> None:
    written = record(found, subject_of(model, "somewhere/tiny.safetensors"), "all")
    text = json.dumps(written, allow_nan=False)
    assert "somewhere" not in text
    assert written["model"]["name"] == "tiny.safetensors"
    assert len(written["model"]["hash"]) == 64
    assert written["views"][3]["psnr"] == pytest.approx(found.rows[3]["psnr"], rel=1e-5)
    assert written["views"][3]["depth"] is None
    assert written["summary"]["things"]["novel"]["l1"]["n"] == 2
    assert written["summary"]["things"]["novel"]["l1"]["low"] is None
    assert written["failed"] == found.failed
