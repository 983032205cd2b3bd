"""What the sliders compute, against plain references, and how they follow what is set, without a browser."""

import re

import pytest
from tiny_functions import RANGES, by_power, improvement

from lrm_core.findings.prose import number
from lrm_core.measure.oracles import oracle, predicted_planes
from lrm_core.objects import load_object
from lrm_core.page.widgets.bench import Bench
from lrm_core.spectral.bands import pooled_shares


@pytest.fixture
def bench(fitted):
    return Bench(fitted, (by_power, improvement), RANGES)


def _numbers(bench) -> list[str]:
    return re.findall(r"<td>([−\d.]+)</td>", bench.result.value)


def test_the_functions_get_the_object_under_its_names_and_the_sliders(fitted, disk, bench):
    item = load_object(disk / "profile" / "bowl")
    predicted = predicted_planes(fitted.model, item)
    residual = predicted - oracle(fitted.model, item, "predicted", fitted.oracle_config, 0).planes
    bench.choose({"cutoff": 0.5})
    low = pooled_shares(residual, (0, 0.5, 10))[0]
    assert number(float(low), 3) in _numbers(bench)
    assert "bowl" not in bench.message.value
    assert bench.result.value.count("<img") == 2, "one held-out view of each picture"


def test_functions_without_a_residual_wait_for_no_oracle(setting):
    def spread(T_pred, gain=1.0):
        return {"spread": gain * T_pred.std().item()}

    bench = Bench(setting, (spread,), {"gain": (0.0, 1.5)})
    bench.refresh()
    assert bench.message.value == ""
    assert len(_numbers(bench)) == 1
    waiting = Bench(setting, (by_power,), {"cutoff": RANGES["cutoff"]})
    waiting.refresh()
    assert "has no oracle" in waiting.message.value


def test_what_a_function_raises_is_said_and_the_page_goes_on(fitted):
    def refuse(residual, cutoff=0.3):
        raise ValueError("expected increasing radii")

    bench = Bench(fitted, (refuse,), {"cutoff": (0.0, 1.0)})
    bench.refresh()
    assert "expected increasing radii" in bench.message.value
    assert bench.result.value == ""


def test_a_function_may_ask_for_the_surface_in_held_out_views(fitted):
    def occlusion(scene, tolerance=0.05):
        return {"views": len(scene.masks), "predicted": scene.images["predicted"][:1]}

    bench = Bench(fitted, (occlusion,), {"tolerance": (0, 1)})
    bench.refresh()
    assert _numbers(bench) == ["3.000"], bench.message.value
    assert bench.result.value.count("<img") == 1
