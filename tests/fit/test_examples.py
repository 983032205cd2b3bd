"""What a fine-tuning step sees, and in which order."""

import pytest
import torch
from tiny_runs import INTRINSICS, tiny_model, tiny_object

from lrm_core.fit.losses import FinetuneConfig
from lrm_core.fit.scores import Example
from lrm_core.render.cameras import canonical_source_camera


def test_cached_features_give_the_planes_of_the_image_to_the_last_bit():
    model, item = tiny_model(), tiny_object(0)
    example = Example.of(model, item, range(4))
    planes = model.planes_from_features(example.features, example.camera)
    assert torch.equal(planes, model.predict_planes(item.images[:1], item.source_camera()))
    assert torch.equal(example.camera, item.source_camera())
    assert torch.equal(example.views.images, item.images[:4])


def test_the_model_can_be_told_another_distance_than_the_views_have():
    """Audit A9: the published runs told 2.0 while the poses were normalised with the true distance."""
    model, item = tiny_model(), tiny_object(0)
    told, true, again = (Example.of(model, item, [1, 2], distance) for distance in (2.0, None, None))
    torch.testing.assert_close(told.camera, canonical_source_camera(2.0))
    assert abs(true.camera[0, 7] + item.poses[0, :, 3].norm()) < 1e-5
    assert torch.equal(told.views.cameras, true.views.cameras)
    other = Example.of(model, tiny_object(1), [1, 2])
    assert told.digest() != true.digest() == again.digest() != other.digest()


def test_in_the_published_order_an_object_sees_one_view():
    """Audit A10: 16 objects, 4 views, 500 steps."""
    seen: dict[int, set[int]] = {}
    for step in range(500):
        item, view = FinetuneConfig(order="published").pair(step, 16, 4)
        seen.setdefault(item, set()).add(view)
    assert all(len(views) == 1 for views in seen.values())
    assert [item for item, views in seen.items() if views == {0}] == [0, 4, 8, 12]
    assert {FinetuneConfig(order="published", seed=seed).pair(18, 16, 4) for seed in (0, 1)} == {(2, 2)}


def test_bad_input():
    model, item = tiny_model(), tiny_object(0)
    with pytest.raises(ValueError, match="square_0: no view 9"):
        Example.of(model, item, [9])
    small = type(item)("small", item.images[..., :16, :16], item.masks, item.poses, INTRINSICS)
    with pytest.raises(ValueError, match="small: expected images of 32x32 pixels for this model, found 16"):
        Example.of(model, small, [0])
