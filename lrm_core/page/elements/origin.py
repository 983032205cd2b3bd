"""Where the computed text of a chapter comes from, for who points at it or reaches it by key."""

from collections import defaultdict
from html import escape

import pandas as pd

# Sources other than records, in words.
NOW = "computed while this page was built"
COUNTED = "counted in the architectures"


def origin(*sources: pd.DataFrame | str) -> str:
    """What computed text rests on, in one sentence that stays true where published numbers stand beside ours.

    Args:
        sources: records as `ResultStore.table` gives them, or what they are in words.

    >>> origin(COUNTED, NOW)
    'Numbers of ours here: counted in the architectures; computed while this page was built.'
    """
    said = [source if isinstance(source, str) else of_records(source) for source in sources]
    return f"Numbers of ours here: {'; '.join(said)}."


def of_records(table: pd.DataFrame) -> str:
    """Folders, number of objects, seeds and code revisions of some records; what folders agree in is said once."""
    if table.empty:
        return "no records yet"
    folders = defaultdict(list)
    for name, part in table.groupby(["provenance.profile", "experiment"], sort=False):
        folders[_facts(part)].append(f"data/results/{'/'.join(name)}")
    return "; ".join(f"from the records in {', '.join(names)} ({facts})" for facts, names in folders.items())


def computed(content: str, said: str) -> str:
    """Content with what is said of its origin, as HTML that Markdown passes on.

    A mouse shows the title; the style sheet of the pages shows it below the content while that has the focus.
    """
    about = f'role="group" aria-label="Computed" title="{escape(said, quote=True)}"'
    return f'<div class="lrm-computed" tabindex="0" {about}>\n\n{content}\n\n</div>'


def _facts(table: pd.DataFrame) -> str:
    count = table["object"].nunique()
    said = [f"{count} object{'s' if count > 1 else ''}"]
    for name, column in {"seed": "seed", "code revision": "provenance.revision"}.items():
        different = sorted(table[column].unique())
        said.append(f"{name}{'s' if len(different) > 1 else ''} {', '.join(map(str, different))}")
    return ", ".join(said)
