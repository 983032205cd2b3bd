"""What the fork's own pictures say of the size at which the published model draws, in sentences."""

from lrm_core.findings.sentences import say
from lrm_core.profiles import DISTANCES, DRAWN, TOLD
from lrm_core.show.diagnosis.published_scale import UNTOUCHED, enlargement, published_extents
from lrm_core.show.elements.prose import number


def title() -> str:
    """What the figure of the extents shows; raises as `published_extents`."""
    growth = enlargement(published_extents())
    least, most = number(growth.min()), number(growth.max())
    return say("one_wrong_number", "title extents", growth_least=least, growth_most=most)


def fork_text() -> str:
    """Sizes untouched and after each fine-tuning; raises as `published_extents`."""
    table = published_extents()
    before = table.loc[table["arm"] == UNTOUCHED, "extent"]
    growth = enlargement(table)
    full = table[table["tuned"] == "all weights"].pivot(index="object", columns="arm", values="extent")
    nearest = full.loc[full[UNTOUCHED].idxmax()]
    return say(
        "one_wrong_number",
        "fork",
        least=number(before.min()),
        most=number(before.max()),
        drawn_least=number(DRAWN[0]),
        drawn_most=number(DRAWN[1]),
        growth_least=number(growth.min()),
        growth_most=number(growth.max()),
        factor=number(sum(DISTANCES) / 2 / TOLD, 3),
        right_before=number(nearest[UNTOUCHED]),
        right_after=number(nearest["full_mse"]),
    )
