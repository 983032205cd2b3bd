"""What the sliders compute, against plain references, and how they follow what is set, without a browser."""

import re

import pytest
from tiny_functions import RANGES, by_power, improvement

from lrm_core.findings.prose import number
from lrm_core.measure.oracles import oracle, predicted_planes
from lrm_core.objects import load_object
from lrm_core.page.widgets import sliders_bench
from lrm_core.spectral import pooled_shares


@pytest.fixture
def bench(fitted):
    return sliders_bench(fitted, (by_power, improvement), RANGES)


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


def test_moving_a_slider_draws_again_and_the_button_goes_back(bench):
    bench.refresh()
    first = bench.result.value
    bench.controls["cutoff"].value = 0.6
    moved = bench.result.value
    bench.controls["gain"].value = 0.5
    assert len({first, moved, bench.result.value}) == 3
    bench.children[len(bench.controls) + 3].click()
    assert bench.result.value == first
    assert bench.message.value == ""


def test_functions_without_a_residual_wait_for_no_oracle(setting):
    def spread(T_pred, gain=1.0):
        return {"spread": gain * T_pred.std().item()}

    bench = sliders_bench(setting, (spread,), {"gain": (0.0, 1.5)})
    bench.refresh()
    assert bench.message.value == ""
    assert len(_numbers(bench)) == 1
    waiting = sliders_bench(setting, (by_power,), {"cutoff": RANGES["cutoff"]})
    waiting.refresh()
    assert "has no oracle" in waiting.message.value


def test_what_a_function_raises_is_said_and_the_page_goes_on(fitted):
    def refuse(residual, cutoff=0.3):
        raise ValueError("expected increasing radii")

    bench = sliders_bench(fitted, (refuse,), {"cutoff": (0.0, 1.0)})
    bench.refresh()
    assert "expected increasing radii" in bench.message.value
    assert bench.result.value == ""


def test_a_function_that_asks_for_what_nobody_has_is_refused(fitted):
    with pytest.raises(ValueError, match="nothing of an object is named 'colour'"):
        sliders_bench(fitted, (lambda colour, cutoff=0.3: {},), {"cutoff": (0, 1)})
    with pytest.raises(ValueError, match="gain: expected a number as default"):
        sliders_bench(fitted, (by_power,), RANGES)


def test_a_function_may_ask_for_the_surface_in_held_out_views(fitted):
    def occlusion(scene, tolerance=0.05):
        return {"views": len(scene.masks), "predicted": scene.images["predicted"][:1]}

    bench = sliders_bench(fitted, (occlusion,), {"tolerance": (0, 1)})
    bench.refresh()
    assert _numbers(bench) == ["3.000"], bench.message.value
    assert bench.result.value.count("<img") == 1
