"""The explorables in a browser, without a kernel: their arithmetic against Python, their controls and addresses."""

import base64
import json
import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from lrm_core import load_model
from lrm_core.measure.e02_basins import latent_distance
from lrm_core.measure.e05_residual_spectrum import shares_summary
from lrm_core.measure.e06_response import DecoderResponse
from lrm_core.measure.geometry import matter_texels
from lrm_core.measure.metrics import BANDS, image_l1
from lrm_core.measure.oracles import predicted_planes, render_planes
from lrm_core.objects import load_object
from lrm_core.page.embedded import EXPLORABLE, STILL
from lrm_core.page.explorables.mixes import bands, line, mismatch, mixer
from lrm_core.page.explorables.spectra import probe
from lrm_core.page.explorables.widget import Explorable, Scene, switched
from lrm_core.page.viewer import Packed, unpack
from lrm_core.paths import data_dir
from lrm_core.render.quality import psnr
from lrm_core.spectral import PUBLISHED_EDGES, band_shares, published_shares, split_bands
from lrm_core.spectral.bands import pooled_shares, power_law_shares

OBJECT = data_dir() / "mini" / "objects" / "real" / "cc0_JapaneseLantern"
PATIENCE = 240_000  # milliseconds
ROOT = "document.querySelector('.lrm-explorable')"
CHAPTERS = {
    "01_basins": "line",
    "02_residual_spectrum": "spectrum",
    "03_decoder_response": "probe",
    "04_band_correction": "mixer",
    "05_inside_the_low_band": "mixer",
    "08_source_distance": "mismatch",
}
CONFIG = DecoderResponse(views=2)
AREA = 0.2  # of the true object
RECORD = {"audited.predicted.response": [0.01 * (index + 1) for index in range(CONFIG.bins)]}


@dataclass
class Case:
    """A prediction, something that it might be corrected to, and how pictures of both are judged."""

    scene: Scene
    predicted: torch.Tensor
    reference: torch.Tensor

    @property
    def told(self) -> dict[float, torch.Tensor]:
        """Predictions on both sides of the right one, on the line to the reference."""
        ways = {0.8: 0.5, 1.0: 0.0, 1.25: -0.3}
        return {factor: torch.lerp(self.predicted, self.reference, way) for factor, way in ways.items()}

    def figure(self, kind: str) -> Explorable:
        """One that a browser without a graphics card draws soon."""
        both = self.predicted, self.reference
        made = {
            "mixer": lambda: mixer(self.scene, *both, bands()),
            "line": lambda: line(self.scene, *reversed(both)),
            "probe": lambda: probe(self.scene, self._probed(), CONFIG, RECORD),
            "mismatch": lambda: mismatch(self.scene, self.told, self.reference, AREA, {}),
        }[kind]()
        made.content = made.content | {"scene": made.content["scene"] | {"resolution": 48, "patience": 0.0}}
        return made

    def _probed(self) -> dict:
        planes = {"predicted": self.predicted, "reference": self.reference}
        return {name: (of, matter_texels(self.scene.model, of)) for name, of in planes.items()}


@pytest.fixture(scope="module")
def case() -> Case:
    model = load_model("mini").eval().requires_grad_(False)
    item = load_object(OBJECT)
    predicted = predicted_planes(model, item)
    other = predicted_planes(model, load_object(OBJECT.parent / "cc0_barrel"))
    seen = Scene.of(model, item)
    few = replace(seen, views=type(seen.views)(seen.views.images[:2], seen.views.cameras[:2]), stride=4)
    return Case(few, predicted, torch.lerp(predicted, other, 0.4))


@pytest.fixture(scope="module")
def figures(case) -> dict[str, Explorable]:
    return {kind: case.figure(kind) for kind in ("mixer", "line", "probe", "mismatch")}


@pytest.fixture
def show(show_figures):
    """Opens a page of explorables."""
    return lambda *figures, **options: show_figures(
        "".join(EXPLORABLE.html(figure.page_state()) for figure in figures),
        EXPLORABLE.scripts[0][2]["body"],
        **options,
    )


@pytest.fixture
def bench(script_page, carry, figures):
    """That page with the figures in it."""
    for name, figure in (("mixed", figures["mixer"]), ("lined", figures["line"])):
        carry(name, figure)
    return script_page


def _unpacked(figure: Explorable) -> dict[str, torch.Tensor]:
    return unpack(Packed(figure.tensors, figure.data))


def _counted(seen) -> dict:
    """What a figure of triplanes says of itself once its numbers are worked out."""
    seen.page.wait_for_function(f"() => {ROOT}.dataset.counted", timeout=PATIENCE)
    said = seen.value(f"({{...{ROOT}.dataset}})")
    return {name: json.loads(said[name]) for name in ("shares", "scores", "distances") if name in said}


@pytest.mark.parametrize("side", [2, 8, 64])
def test_the_fourier_transform_is_numpys(bench, side):
    plane = np.random.default_rng(0).standard_normal((side, side))
    call = """([side, values]) => {
      const fourier = new Fourier(side), re = Float64Array.from(values), im = new Float64Array(re.length);
      fourier.forward(re, im);
      const there = [[...re], [...im]];
      fourier.inverse(re, im);
      return [...there, [...re], [...im]];
    }"""
    re, im, back, rest = (
        np.reshape(part, (side, side)) for part in bench.evaluate(call, [side, plane.flatten().tolist()])
    )
    np.testing.assert_allclose(re + 1j * im, np.fft.fft2(plane), atol=1e-12 * side**2)
    np.testing.assert_allclose(back, plane, atol=1e-13)
    np.testing.assert_allclose(rest, 0, atol=1e-13)


def test_a_side_that_is_no_power_of_two_is_refused(bench):
    said = bench.evaluate("() => { try { new Fourier(12); } catch (error) { return error.message; } }")
    assert said == "expected a side that is a power of two, found 12"


@pytest.mark.parametrize("edges", [(0, 0.15, 0.4), (0, 0.3, 0.3), (0, 0.25, 1.0)])
def test_the_bands_are_those_of_python(bench, figures, edges):
    correction = _unpacked(figures["mixer"])["correction"]
    call = """edges => {
      const spectra = new Spectra(mixed.tensors.correction);
      const { amplitude, power } = spectra.shares([...edges, Infinity]);
      return [spectra.split([...edges, Infinity]).map((part) => [...part]), amplitude, power];
    }"""
    parts, amplitude, power = bench.evaluate(call, list(edges))
    whole = (*sorted(set(edges)), math.inf)
    expected = split_bands(correction.double(), whole)
    there = [expected[0], torch.zeros_like(expected[0]), *expected[1:]] if len(whole) == 3 else expected
    for part, one in zip(parts, there, strict=True):
        np.testing.assert_allclose(np.reshape(part, one.shape), one, atol=2e-6 * float(correction.abs().max()))
    for found, shares in (
        (amplitude, published_shares(correction.double(), whole).mean(0)),
        (power, pooled_shares(correction.double(), whole)),
    ):
        np.testing.assert_allclose([share for share in found if share], shares, rtol=1e-6)


@pytest.mark.parametrize("exponent", [0.0, 1.35, 4.0])
@pytest.mark.parametrize("measure", ["power", "amplitude"])
def test_shares_of_power_laws_are_those_of_python(bench, exponent, measure):
    call = f"([exponent, edges]) => powerLawShares(64, exponent, edges, {measure!r})"
    found = bench.evaluate(call, [exponent, list(PUBLISHED_EDGES)])
    np.testing.assert_allclose(found, power_law_shares(64, exponent, PUBLISHED_EDGES, measure), rtol=1e-9)
    if exponent == 0:
        noise = torch.randn(400, 64, 64, generator=torch.Generator().manual_seed(0))
        np.testing.assert_allclose(
            found, band_shares(noise, PUBLISHED_EDGES, measure).mean(0), rtol=0.03
        )  # white noise: 1.7, 10.7 and 66% (audit A1)


def test_distances_of_triplanes_are_those_of_python(bench, figures):
    there = _unpacked(figures["line"])
    found = bench.evaluate("() => latentDistance(lined.tensors.a, lined.tensors.b.values)")
    expected = latent_distance(there["a"], there["b"])
    assert found["correlation"] == pytest.approx(expected["channel_correlation"], abs=1e-5)
    assert found["l1"] == pytest.approx(expected["l1"], rel=1e-5)


def test_the_pictures_are_those_of_lrm_core(bench, case, figures, record_property):
    call = """async () => {
      const { tensors, content } = mixed;
      return (await new Judge(tensors, content.views).pictures(tensors.predicted, () => true)).map((one) => [...one]);
    }"""
    found = torch.tensor(bench.evaluate(call)).unflatten(1, case.scene.truth.movedim(1, -1).shape[1:]).movedim(-1, 1)
    difference = (found - case.scene.rendered(case.predicted)).abs().mean()
    record_property("difference", float(difference))
    assert difference < 1e-3


def test_the_scores_are_those_of_lrm_core(show, case, figures):
    seen = show(figures["mixer"], address="#mixer=0.15,0.3,1,1,0")
    scores = _counted(seen)["scores"]
    residual = case.predicted - case.reference
    images = {
        "before": case.scene.rendered(case.predicted),
        "now": case.scene.rendered(case.predicted - split_bands(residual, (0.0, 0.3, math.inf))[0]),
    }
    targets = {
        "reference": case.scene.rendered(case.reference),
        "truth": case.scene.truth,
    }
    for name, target in targets.items():
        l1 = {which: float(image_l1(image, target).mean()) for which, image in images.items()}
        for which, image in images.items():
            found, expected = scores[name][which], float(psnr(image, target).mean())
            gap, ratio = found["psnr"] - expected, found["l1"] / l1[which]
            assert abs(gap) < 0.3
            assert abs(ratio - 1) < 0.03
        assert scores[name]["improvement"] == pytest.approx(1 - l1["now"] / l1["before"], abs=0.03)


def test_all_gains_at_one_are_the_oracle_and_the_published_preset_shows_two_cutoffs(show, figures):
    seen = show(figures["mixer"])
    seen.page.click("text=All bands: the oracle")
    seen.page.wait_for_function(f"() => {ROOT}.dataset.counted === '2'", timeout=PATIENCE)
    said = _counted(seen)
    assert said["scores"]["reference"]["improvement"] == pytest.approx(1, abs=1e-4)
    assert said["shares"]["removed"]["power"] == pytest.approx(1)
    seen.page.click("text=As published")
    shares = json.loads(seen.value(f"{ROOT}.dataset.shares"))
    assert shares["removed"]["amplitude"] == pytest.approx(sum(shares["amplitude"][:2]))
    assert shares["removed"]["amplitude"] > shares["amplitude"][0]
    seen.page.click("text=): low band corrected")
    shares = json.loads(seen.value(f"{ROOT}.dataset.shares"))
    assert shares["removed"]["amplitude"] == pytest.approx(shares["amplitude"][0])


def test_every_control_has_a_name_and_is_reached_by_the_keyboard(show, figures):
    seen, controls = show(figures["mixer"]), ".lrm-explorable :is(input, button)"
    name = "(one) => (one.labels?.[0] ?? one).textContent.trim()"
    names = f"[...document.querySelectorAll('{controls}')].map({name})"
    seen.page.wait_for_selector("text=Copy link", timeout=PATIENCE)
    wanted = seen.value(names)
    assert all(wanted)
    reached = []
    for _ in range(len(wanted) + 1):  # and the canvas
        seen.page.keyboard.press("Tab")
        reached.append(
            seen.value("(document.activeElement.labels?.[0] ?? document.activeElement).textContent.trim()")
        )
    assert set(wanted) <= set(reached)


def test_cutoffs_do_not_pass_each_other(show, figures):
    seen = show(figures["mixer"])
    low = ".lrm-explorable input[name=lower]"
    seen.page.fill(low, "0.8")
    assert seen.value("location.hash").startswith("#mixer=0.8,0.8,")
    seen.page.fill(".lrm-explorable input[name=upper]", "0.2")
    assert seen.value("location.hash").startswith("#mixer=0.2,0.2,")


def test_another_object_is_shown_in_the_same_state(show, case):
    seen = show(switched({"lantern": case.figure("line"), "again": case.figure("line")}), address="#line=0.25")
    seen.page.get_by_role("button", name="again").click()
    pressed = "[...document.querySelectorAll('[aria-label=Object] [aria-pressed=true]')].map(one => one.innerText)"
    assert seen.value(pressed) == ["again"]
    assert seen.value(f"Number({ROOT}.querySelector('input').value)") == 0.25
    assert seen.value("location.hash") == "#line=0.25"


def test_two_figures_share_an_address_and_follow_it(show, figures):
    seen = show(figures["mixer"], figures["line"], address="#mixer=0.2,0.5,1,0,0.5&line=0.75")
    inputs = "[...document.querySelectorAll('.lrm-explorable input')].map((input) => Number(input.value))"
    assert seen.value(inputs) == [0.2, 0.5, 1, 0, 0.5, 0.75]
    seen.page.fill(".lrm-explorable input[name=t]", "0.3")
    assert seen.value("location.hash") == "#mixer=0.2,0.5,1,0,0.5&line=0.3"
    seen.value("location.hash = '#line=7&mixer=a,b'")  # out of range, and no numbers
    seen.page.wait_for_function(f"() => {inputs}.at(-1) === 1", timeout=PATIENCE)
    assert seen.value(inputs) == [0.15, 0.4, 0, 0, 0, 1]


def test_the_link_opens_the_figure_as_it_is(show, figures):
    seen = show(figures["line"], address="#line=0.25")
    seen.value(
        "void (navigator.clipboard.writeText = (text) => { globalThis.copied = text; return Promise.resolve(); })"
    )
    seen.page.click("text=Copy link")
    seen.page.wait_for_selector("text=Link copied", timeout=PATIENCE)
    assert seen.value("copied") == seen.value("location.href")
    assert seen.value("copied").endswith("#line=0.25")


def test_where_the_clipboard_is_closed_the_link_is_copied_the_old_way(show, figures):
    seen = show(figures["line"], address="#line=0.25")
    seen.value("void (navigator.clipboard.writeText = () => Promise.reject(new Error('not allowed')))")
    seen.value("void (document.execCommand = () => Boolean(globalThis.taken = document.activeElement.value))")
    seen.page.click("text=Copy link")
    seen.page.wait_for_selector("text=Link copied", timeout=PATIENCE)
    assert seen.value("taken") == seen.value("location.href")
    assert seen.page.query_selector("textarea") is None
    seen.value("void (document.execCommand = () => false)")
    seen.page.wait_for_selector("text=Copy link", timeout=PATIENCE)
    seen.page.click("text=Copy link")
    seen.page.wait_for_selector("text=Not copied", timeout=PATIENCE)


def test_the_line_agrees_with_its_curve_and_its_ends(show, figures):
    seen = show(figures["line"])
    curve = figures["line"].content["psnr"]
    said = _counted(seen)
    assert said["scores"]["psnr"] == pytest.approx(curve[len(curve) // 2], abs=0.3)
    seen.page.fill(".lrm-explorable input[name=t]", "1")
    seen.page.wait_for_function(f"() => {ROOT}.dataset.counted === '2'", timeout=PATIENCE)
    said = _counted(seen)
    assert said["scores"]["psnr"] == pytest.approx(curve[-1], abs=0.3)
    assert said["distances"][1] == {"correlation": pytest.approx(1), "l1": 0}
    assert f"{said['scores']['psnr']:.1f} dB" in seen.page.inner_text(".lrm-explorable [role=status]")


def test_measured_points_stay_and_no_curve_is_drawn_without_a_record(show, figures):
    seen = show(figures["probe"], address="#probe=2,0.15,0,1")
    count = f"{ROOT}.querySelectorAll('svg circle[r=\"{{}}\"][cx]').length"
    _counted(seen)
    assert (seen.value(count.format(5)), seen.value(count.format(4))) == (1, 0)
    seen.page.fill(".lrm-explorable input[name=draw]", "2")
    seen.page.wait_for_function(f"() => {ROOT}.dataset.counted === '2'", timeout=PATIENCE)
    assert (seen.value(count.format(5)), seen.value(count.format(4))) == (1, 1)
    assert seen.value(f"{ROOT}.querySelectorAll('svg polyline').length") == 1
    seen.page.fill(".lrm-explorable input[name=place]", "1")
    seen.page.wait_for_function(f"() => {ROOT}.dataset.counted === '3'", timeout=PATIENCE)
    assert (seen.value(count.format(5)), seen.value(count.format(4))) == (1, 0)
    assert seen.value(f"{ROOT}.querySelectorAll('svg polyline').length") == 0


@pytest.mark.parametrize(("told", "factor"), [(0, 0.8), (1, 1.0), (2, 1.25)])
def test_a_mismatch_is_judged_as_in_python(show, case, figures, told, factor):
    figure = figures["mismatch"]
    found = _counted(show(figure, address=f"#mismatch={told},1"))
    planes, reference = case.told[factor], case.reference
    expected = {"residual": planes - reference, "manufactured": planes - case.predicted}
    for part, residual in expected.items():
        if not residual.any():
            assert found["shares"][part] is None
            continue
        summary = shares_summary(residual)
        for measure, column in (("amplitude", "published"), ("power", "power")):
            shares = [summary[column][band] for band in BANDS]
            assert found["shares"][part][measure] == pytest.approx(shares, abs=1e-3)
    drawn = render_planes(case.scene.model, planes, case.scene.views.cameras, case.scene.size)
    images, truth = case.scene.pixels(drawn.rgb), case.scene.truth
    area = float(case.scene.pixels(drawn.weight).mean()) / AREA
    scores = found["scores"]
    assert scores["area"] == pytest.approx(area, rel=0.01)
    assert scores["l1"] == pytest.approx(float(image_l1(images, truth).mean()), rel=0.03)
    assert scores["psnr"] == pytest.approx(float(psnr(images, truth).mean()), abs=0.3)


def test_a_larger_object_covers_more_and_its_size_alone_has_changed(show, figures):
    seen = show(figures["mismatch"])
    before = _counted(seen)
    assert before["shares"]["manufactured"] is None
    seen.page.fill(".lrm-explorable input[name=scale]", "1.2")
    seen.page.wait_for_function(f"() => {ROOT}.dataset.counted === '2'", timeout=PATIENCE)
    after = _counted(seen)
    assert 1.2 < after["scores"]["area"] / before["scores"]["area"] < 1.2**2 + 0.2
    assert after["shares"]["manufactured"]["size"] > 0
    assert "1.20 times as large" in seen.page.inner_text(".lrm-explorable [role=status]")


@pytest.mark.parametrize("name", ["mixer", "probe", "mismatch"])
def test_every_slider_moves_by_key_and_is_kept_in_the_address(show, figures, name):
    figure = figures[name]
    seen, expected = show(figure), dict(figure.content["start"])
    for entry in figure.content["sliders"]:
        key = "ArrowLeft" if expected[entry["name"]] == entry["max"] else "ArrowRight"
        seen.page.focus(f".lrm-explorable input[name={entry['name']}]")
        seen.page.keyboard.press(key)
        expected[entry["name"]] += entry["step"] * (1 if key == "ArrowRight" else -1)
        found = [float(text) for text in seen.value("location.hash").removeprefix(f"#{name}=").split(",")]
        assert found == pytest.approx(list(expected.values()))
        if "texts" in entry:
            text = entry["texts"][expected[entry["name"]]]
            shown = f"document.querySelector('.lrm-explorable input[name={entry['name']}]')"
            assert seen.value(f"{shown}.getAttribute('aria-valuetext')") == text
            assert text in seen.value(f"{shown}.closest('label').textContent")
    for button in seen.page.query_selector_all(".lrm-explorable .lrm-ex-buttons button")[:-1]:
        button.click()
        assert button.get_attribute("aria-pressed") == "true"


def test_a_number_between_two_entries_of_a_list_is_rounded(show, figures):
    seen = show(figures["mismatch"], address="#mismatch=1.6,0.9")
    inputs = "[...document.querySelectorAll('.lrm-explorable input')].map((input) => Number(input.value))"
    assert seen.value(inputs) == [2, 0.9]
    _counted(seen)  # nothing is missing in a list


def test_the_picture_follows_a_slider(show, figures):
    seen, viewer = show(figures["mixer"]), "document.querySelector('.lrm-viewer')"
    seen.page.wait_for_function(f"() => {viewer}.dataset.stage === 'rest'", timeout=PATIENCE)
    picture, rest = f"{viewer}.querySelector('canvas').toDataURL()", seen.value(f"{viewer}.dataset.rest")
    before = seen.value(picture)
    seen.page.fill(".lrm-explorable input[name=low]", "1")
    seen.page.wait_for_function(f"() => {viewer}.dataset.rest !== '{rest}'", timeout=PATIENCE)
    assert seen.value(picture) != before


@pytest.mark.parametrize(("name", "reason"), [("line", "no WebGL2"), ("mismatch", "reduced motion")])
def test_numbers_and_small_pictures_need_no_graphics_card(show, figures, name, reason):
    options = {"reduced_motion": "reduce"} if reason == "reduced motion" else {"webgl": False}
    page = show(figures[name], **options).page
    page.wait_for_selector(f"text={reason}", timeout=PATIENCE)
    page.wait_for_function(f"() => {ROOT}.dataset.counted", timeout=PATIENCE)
    small = page.evaluate("document.querySelectorAll('.lrm-ex-pictures canvas')[1].toDataURL()")
    assert len(base64.b64decode(small.partition(",")[2])) > 300


def test_without_javascript_a_picture_and_a_sentence_stand(browser, tmp_path, figures):
    file = tmp_path / "page.html"
    file.write_text(f'<!doctype html><meta charset="utf-8">{EXPLORABLE.html(figures["mixer"].page_state())}')
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(file.as_uri())
    assert page.is_visible(".lrm-explorable-place img")
    assert STILL in page.inner_text(".lrm-explorable-place")
    context.close()


def test_with_a_kernel_the_address_is_left_alone(browser, tmp_path, figures):
    """The anywidget module as JupyterLab loads it: the same figure, with no link to copy."""
    file, module = (
        tmp_path / "page.html",
        str(Explorable._esm).replace("export default", "globalThis.widget ="),
    )
    file.write_text(
        f'<!doctype html><meta charset="utf-8"><div id="here"></div><script type="module">{module}</script>'
    )
    page, errors = browser.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(file.as_uri() + "#line=0.25")
    page.evaluate(
        """state => {
          const data = Uint8Array.from(atob(state.data), (letter) => letter.charCodeAt(0));
          const values = { ...state, data: new DataView(data.buffer) };
          const model = { get: (name) => values[name], set() {}, on() {}, off() {}, save_changes() {} };
          globalThis.undo = widget.render({ model, el: document.querySelector('#here') });
        }""",
        figures["line"].page_state(),
    )
    assert page.input_value("input[name=t]") == "0.5"
    page.fill("input[name=t]", "0.7")
    assert page.evaluate("location.hash") == "#line=0.25"
    assert not page.is_visible("text=Copy link")
    page.evaluate("undo()")
    assert errors == []
    page.close()


@pytest.mark.parametrize("name", CHAPTERS)
def test_the_chapter_shows_its_explorable_on_a_phone_too(look_at, site, name):
    seen = look_at(f"notebooks/{name}", width=390)
    assert seen.value(f"{ROOT}.dataset.kind") == CHAPTERS[name]
    assert seen.value("document.scrollingElement.scrollWidth") <= 390
    wide = f"[...{ROOT}.querySelectorAll('*')].filter((part) => part.getBoundingClientRect().right > 391).length"
    assert seen.value(wide) == 0
    values = f"[...{ROOT}.querySelectorAll('.lrm-ex-value')].map((part) => part.textContent).join()"
    said = seen.value(values)
    for each in seen.page.query_selector_all(".lrm-explorable .lrm-ex-buttons button")[:3]:
        each.click()
    assert seen.value(values) != said
    assert (site / "notebooks" / f"{name}.html").stat().st_size < 4 * 2**20
