"""What the records say to the question of the title: its answer, numbers, and small figures of the first page.

Figures are SVG whose colours come from the style sheet.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from html import escape
from math import isnan, log

import pandas as pd

from lrm_core.findings import repair
from lrm_core.findings.c04 import MARGIN
from lrm_core.findings.cause import PATTERN, dose, pattern, pattern_met
from lrm_core.findings.finding import say
from lrm_core.findings.harms import fingerprints, less_trained, sentence
from lrm_core.findings.prose import listed, number, percent, percent_range
from lrm_core.findings.rules import Intervals
from lrm_core.findings.verdicts import experiment_table
from lrm_core.findings.wrong_number import ARMS, UNTOUCHED, published_extents
from lrm_core.page.findings import CONDITION, conditions
from lrm_core.profiles import DISTANCES, DRAWN, TOLD
from lrm_core.records.statistics import UNKNOWN, Interval, interval_of, per_object

SPECTRUM, CORRECTION = "e05_residual_spectrum", "e08_band_correction"
RECORDS = "the records in data/results/{profile}/"
FACTS: Mapping[str, str] = {
    **{f"{start}.power.{band}": RECORDS + SPECTRUM for start in ("predicted", "random") for band in ("low", "high")},
    **dict.fromkeys(("told", "factors", "distances"), "the published configuration and code"),
    **dict.fromkeys(("extent.before", "extent.after"), "data/published_scale.csv"),
    **dict.fromkeys(("coarse", "fine", "wins", "harmed", "margin", "random"), RECORDS + CORRECTION),
    **dict.fromkeys(("repair.gain", "repair.only_told", "repair.truth"), RECORDS + "e14_finetuning"),
    "harms": "the records in data/results/{profile}-*/",
    "less_trained": "the records in data/results/rung-*/",
}  # where each number of `facts` comes from
UNKNOWN_ANSWER = "The records that answer this have not been made yet."
TEXT = "front"
OUTCOMES = {"truth": "there", "condition": "there told as published", "far": "there far off"}
Shares = Mapping[str, Interval]
WIDTH, HEIGHT = 300, 210
LEFT, RIGHT, TOP, BOTTOM = 34, 284, 14, 172  # of the plotting area
Scale = Callable[[float], float]


@cache
def answer(profile: str) -> str:
    """What was published, and what the records of a profile say to it, in a few sentences."""
    truth, doses = pattern(profile), dose(profile)
    condition = conditions(profile).get(CONDITION)
    published = pattern(condition) if condition else truth
    if not all((truth["high_correction"].n, doses, condition, published["high_correction"].n)):
        return UNKNOWN_ANSWER
    paired = pattern(profile, like=condition)
    wrong = sorted((factor for factor in doses if factor != 1), key=lambda factor: abs(log(factor)))
    far = next((doses[factor] for factor in wrong if _met(doses[factor])), truth)  # the nearest that makes it
    told = {"truth": truth, "condition": published, "far": far, "paired": paired}
    fields = {
        f"{name}_{band}": percent(shares[f"{band}_correction"].estimate)
        for name, shares in told.items()
        for band in ("low", "high")
    }
    fields |= {
        band: percent_range([PATTERN[f"{band}_correction"].low, PATTERN[f"{band}_correction"].high])
        for band in ("low", "high")
    }
    factor = next((f"{factor:g}" for factor, shares in doses.items() if shares is far), "")
    section = next((outcome for name, outcome in OUTCOMES.items() if _met(told[name])), "not there")
    said = [say(TEXT, "published"), say(TEXT, section, factor=factor, **fields)]
    said += [say(TEXT, "less trained")] if less_trained(fingerprints(profile)) else []
    return " ".join(said)


def _met(shares: Shares) -> bool:
    return pattern_met(shares) == "there"


def spectrum(profile: str) -> dict[tuple[str, str], tuple[float, float]]:
    """Low and high share of the residual by oracle ("predicted", "random") and measure ("published", "power")."""
    x = _known(experiment_table(SPECTRUM, profile))
    return {
        (start, measure): tuple(x(f"{start}.{measure}.{band}").estimate for band in ("low", "high"))
        for start in ("predicted", "random")
        for measure in ("published", "power")
    }


def improvements(profile: str) -> pd.DataFrame:
    """Improvement to the truth by the low and by the high band, one row per object: low, high."""
    table, bands = experiment_table(CORRECTION, profile), ("low", "high")
    if table.empty:
        return pd.DataFrame(columns=bands, dtype=float)
    return pd.DataFrame({band: per_object(table, f"corrections.{band}.truth.improvement") for band in bands})


def _known(table: pd.DataFrame) -> Intervals:
    """Intervals of the columns of a table, unknown of those that it lacks."""
    return lambda column: interval_of(table, column) if column in table else UNKNOWN


@cache
def facts(profile: str) -> dict[str, str]:
    """The numbers of the three findings by name, as text."""
    pairs, corrections = improvements(profile), _known(experiment_table(CORRECTION, profile))
    margin = corrections(MARGIN["truth"])
    shares = {
        f"{start}.power.{band}": percent(share)
        for (start, measure), values in spectrum(profile).items()
        for band, share in zip(("low", "high"), values, strict=True)
        if measure == "power"
    }
    extents = published_extents().groupby(["tuned", "arm"])["extent"].mean()["LoRA"]
    ends = ", ".join(number(100 * end, 1 if abs(end) < 0.01 else 0) for end in (margin.low, margin.high))
    repaired = next((arm for arm in repair.arms(profile) if arm.arm == repair.PUBLISHED_ARM), None)
    learned = {"gain": "gain", "only_told": "only_told", "truth": "gain_truth"}
    return shares | {
        **{f"repair.{name}": percent(getattr(repaired, of, UNKNOWN).estimate) for name, of in learned.items()},
        "harms": sentence("harms", fingerprints(profile)),
        "less_trained": less_trained(fingerprints(profile)) or "–",
        "told": f"{TOLD:g}",
        "factors": " to ".join(number(factor) for factor in DRAWN),
        "distances": " to ".join(f"{distance:g}" for distance in DISTANCES),
        "extent.before": number(extents[UNTOUCHED]),
        "extent.after": listed(sorted({number(extents[arm]) for arm in ARMS["LoRA"]})),
        "coarse": percent(pairs["low"].mean()),
        "fine": percent(pairs["high"].mean()),
        "wins": f"{int((pairs['low'] > pairs['high']).sum())} of {len(pairs)}",
        "random": percent(corrections("corrections.random_low.truth.improvement").estimate),
        "harmed": str(int((pairs["low"] < 0).sum())),
        "margin": f"{number(100 * margin.estimate, 0)} points [{ends}]",
    }


def scale(low: float, high: float, start: float, end: float) -> Scale:
    """From numbers to pixels."""
    return lambda value: start + (value - low) / (high - low) * (end - start)


def one_wrong_number(profile: str) -> str:
    """Improvement by the coarse and by the fine band over the told distance, published ranges as bands."""
    found = dose(profile)
    if not found:
        return _not_measured()
    values = [shares[name].estimate for shares in found.values() for name in ("low_correction", "high_correction")]
    x = scale(min(found), max(found), LEFT + 12, RIGHT - 46)
    y = scale(min(0.0, *values), max(0.8, *values), BOTTOM, TOP)
    parts = _shares_axis(y) + [_text(f"{at:g}", x(at), BOTTOM + 16, "middle") for at in found]
    parts.append(_text("distance told, over the true one", (LEFT + RIGHT) / 2, BOTTOM + 33, "middle"))
    for name, kind, label in (("low_correction", "low", "coarse"), ("high_correction", "high", "fine")):
        share, ends = PATTERN[name], [found[at][name].estimate for at in found]
        top, bottom = y(share.high), y(share.low)
        parts.append(
            f'<rect class="soft-{kind}" x="{LEFT}" y="{top:.1f}" width="{RIGHT - LEFT}" height="{bottom - top:.1f}"/>'
        )
        points = [(f"{x(at):.1f}", f"{y(value):.1f}") for at, value in zip(found, ends, strict=True)]
        parts.append(f'<path class="curve-{kind}" d="M{"L".join(map(" ".join, points))}"/>')
        parts += [f'<circle class="band-{kind}" cx="{across}" cy="{down}" r="3.5"/>' for across, down in points]
        parts.append(_text(label, x(max(found)) + 6, y(ends[-1]) + 4))
    said = "; ".join(
        f"told {at:g}: {percent(s['low_correction'].estimate)} and {percent(s['high_correction'].estimate)}"
        for at, s in found.items()
    )
    return _svg(parts, f"Error removed by correcting the coarse and the fine band. {said}.")


def which_oracle(profile: str) -> str:
    """Share of the coarse and of the fine band by two oracles and two measures, published values marked."""
    found, published = spectrum(profile), {band: PATTERN[f"{band}_share"] for band in ("low", "high")}
    if any(isnan(value) for pair in found.values() for value in pair):
        return _not_measured()
    y = scale(0, 1, BOTTOM, TOP)
    parts = _shares_axis(y, (0, 0.5))
    words = {"predicted": "prediction", "random": "noise", "published": "amplitude", "power": "power"}
    for at, ((start, measure), shares) in enumerate(found.items()):
        left = LEFT + 4 + 63 * at
        for kind, offset, value in zip(("low", "high"), (0, 25), shares, strict=True):
            top = y(value)
            parts.append(
                f'<rect class="band-{kind}" x="{left + offset}" y="{top:.1f}" width="22" '
                f'height="{BOTTOM - top:.1f}"/>'
            )
            parts.append(_text(number(100 * value, 0), left + offset + 11, top - 4, "middle"))
            if measure == "published":
                middle = y((published[kind].low + published[kind].high) / 2)
                parts.append(f'<path class="published" d="M{left + offset - 2} {middle:.1f}h26"/>')
        parts.append(_text(words[measure], left + 24, BOTTOM + 16, "middle"))
        if not at % 2:
            parts.append(_text(f"oracle from {words[start]}", left + 56, BOTTOM + 33, "middle"))
    said = "; ".join(
        f"oracle from {words[start]}, by {words[measure]}: {percent(low)} and {percent(high)}"
        for (start, measure), (low, high) in found.items()
    )
    return _svg(parts, f"Coarse and fine share of the error. {said}. Published values, by amplitude, are marked.")


def most_not_all(profile: str) -> str:
    """Improvement by the coarse band against that by the fine one, one point per object, and the diagonal."""
    pairs = improvements(profile)
    if pairs.empty:
        return _not_measured()
    low, high = min(-0.15, pairs.to_numpy().min()), max(0.8, pairs.to_numpy().max())
    x, y = scale(low, high, LEFT, RIGHT), scale(low, high, BOTTOM, TOP)
    parts = _shares_axis(y, (0, 0.4, 0.8)) + [
        _text(f"{100 * at:.0f}%", x(at), BOTTOM + 16, "middle") for at in (0, 0.4, 0.8)
    ]
    parts += [
        f'<path class="line" d="M{x(low):.1f} {y(low):.1f}L{x(high):.1f} {y(high):.1f}"/>',
        f'<path class="faint" d="M{x(0):.1f} {TOP}V{BOTTOM}"/>',
        _text("removed by the coarse correction", (LEFT + RIGHT) / 2, BOTTOM + 33, "middle"),
        _text("fine wins", LEFT + 6, TOP + 10),
        _text("coarse wins", RIGHT - 4, BOTTOM - 24, "end"),
    ]
    parts += [
        f'<circle class="band-{"low" if pair.low > pair.high else "high"}" cx="{x(pair.low):.1f}" '
        f'cy="{y(pair.high):.1f}" r="4">'
        f"<title>{escape(pair.Index)}</title></circle>"
        for pair in pairs.itertuples()
    ]
    wins = int((pairs["low"] > pairs["high"]).sum())
    said = f"Coarse wins in {wins} of {len(pairs)} objects."
    return _svg(parts, f"Error removed by correcting the fine band over that by the coarse band. {said}")


FIGURES = {draw.__name__.replace("_", "-"): draw for draw in (one_wrong_number, which_oracle, most_not_all)}


def _not_measured() -> str:
    return _svg([_text("not measured yet", WIDTH / 2, HEIGHT / 2, "middle")], "Not measured yet.")


def _shares_axis(y: Scale, ticks: Sequence[float] = (0, 0.4, 0.8)) -> list[str]:
    lines = [f'<path class="faint" d="M{LEFT} {y(at):.1f}H{RIGHT}"/>' for at in ticks]
    return lines + [_text(f"{100 * at:.0f}%", LEFT - 5, y(at) + 4, "end") for at in ticks]


def _text(text: str, x: float, y: float, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(parts: Sequence[str], alt: str) -> str:
    label = escape(alt)
    return f'<svg role="img" aria-label="{label}" viewBox="0 0 {WIDTH} {HEIGHT}">{"".join(parts)}</svg>'
