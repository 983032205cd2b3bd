"""Three small figures of the first page, drawn as SVG whose colours come from the style sheet."""

from collections.abc import Callable, Sequence
from html import escape
from math import isnan

from lrm_core.findings.cause import PATTERN, dose
from lrm_core.findings.prose import number, percent
from lrm_core.page.front.facts import improvements, spectrum

WIDTH, HEIGHT = 300, 210
LEFT, RIGHT, TOP, BOTTOM = 34, 284, 14, 172  # of the plotting area
Scale = Callable[[float], float]


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
    names = {
        ("predicted", "published"): ("prediction", "amplitude"),
        ("predicted", "power"): ("prediction", "power"),
        ("random", "published"): ("noise", "amplitude"),
        ("random", "power"): ("noise", "power"),
    }
    for at, (place, (oracle, measure)) in enumerate(names.items()):
        left = LEFT + 4 + 63 * at
        for kind, offset, value in zip(("low", "high"), (0, 25), found[place], strict=True):
            top = y(value)
            parts.append(
                f'<rect class="band-{kind}" x="{left + offset}" y="{top:.1f}" width="22" '
                f'height="{BOTTOM - top:.1f}"/>'
            )
            parts.append(_text(number(100 * value, 0), left + offset + 11, top - 4, "middle"))
            if measure == "amplitude":
                middle = y((published[kind].low + published[kind].high) / 2)
                parts.append(f'<path class="published" d="M{left + offset - 2} {middle:.1f}h26"/>')
        parts.append(_text(measure, left + 24, BOTTOM + 16, "middle"))
        if not at % 2:
            parts.append(_text(f"oracle from {oracle}", left + 56, BOTTOM + 33, "middle"))
    said = "; ".join(
        f"oracle from {names[place][0]}, by {names[place][1]}: {percent(low)} and {percent(high)}"
        for place, (low, high) in found.items()
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
