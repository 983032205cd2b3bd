"""One of several objects chosen by its picture or name, as HTML that needs no script."""

from collections.abc import Mapping
from html import escape

_STYLE = """
.lrm-switch{margin:0.6rem 0 1rem}
.lrm-switch>input{position:absolute;opacity:0;pointer-events:none}
.lrm-switch>div:first-of-type{display:grid;gap:0.6rem}
.lrm-switch label{cursor:pointer;padding:0.2rem 0.5rem;border-radius:4px;border:2px solid rgba(128,128,128,0.35)}
.lrm-switch>div>div{display:none}
"""
_CHOSEN = (
    "#{key}-{at}:checked~div>div:nth-child({nth}){{display:block}}"
    "#{key}-{at}:checked~div>label:nth-child({nth}){{border-color:#0072B2}}"
    "#{key}-{at}:focus-visible~div>label:nth-child({nth}){{outline:2px solid #D55E00}}"
)


def switch(key: str, panels: Mapping[str, tuple[str, str]], columns: str, described: str) -> str:
    """Labels of which one is chosen, above what belongs to it.

    Args:
        key: unique on the page; letters and dashes.
        panels: for each name the HTML inside its label and the HTML that is displayed once it is chosen.
        columns: CSS of the columns in which the labels stand.
        described: what one chooses, for screen readers.
    """
    inputs = "".join(
        f'<input type="radio" name="{key}" id="{key}-{at}" aria-label="{escape(name, quote=True)}"'
        f"{' checked' if not at else ''}>"
        for at, name in enumerate(panels)
    )
    labels = "".join(f'<label for="{key}-{at}">{label}</label>' for at, (label, _) in enumerate(panels.values()))
    shown = "".join(f"<div>{panel}</div>" for _, panel in panels.values())
    style = _STYLE + "".join(_CHOSEN.format(key=key, at=at, nth=at + 1) for at in range(len(panels)))
    return (
        f"<style>{style}</style>"
        f'<div class="lrm-switch" role="group" aria-label="{escape(described, quote=True)}">{inputs}'
        f'<div style="grid-template-columns:{columns}">{labels}</div><div>{shown}</div></div>'
    )
