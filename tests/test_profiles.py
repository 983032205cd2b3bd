"""The profiles: what each may differ in from the one that it stands for."""

from dataclasses import fields

import pytest

from lrm_core.findings.c11 import FEWEST_OBJECTS
from lrm_core.objects.objaverse import NUM_OBJECTS
from lrm_core.profiles import Profile, get_profile


def _differences(one: Profile, other: Profile) -> set[str]:
    return {part.name for part in fields(Profile) if getattr(one, part.name) != getattr(other, part.name)}


@pytest.mark.parametrize(
    ("name", "of", "allowed"),
    [
        ("cycles", "mini", {"objects", "seeds", "side"}),
        (
            "rehearsal",
            "paper",
            {"model", "objects", "iterations", "seeds", "views", "training_objects", "finetuning", "device"},
        ),
    ],
)
def test_a_profile_that_stands_for_another_differs_only_where_it_has_to(name, of, allowed):
    assert _differences(get_profile(name), get_profile(of)) == allowed | {"name"}


def test_every_rule_on_adapters_can_be_tested_with_the_published_weights():
    """Claim C11 needs some validation objects; so many are rendered by default."""
    trained, validated = get_profile("paper").finetuning.objects
    assert trained == 16  # as published
    assert validated >= FEWEST_OBJECTS
    assert trained + validated == get_profile("paper").per_group == NUM_OBJECTS


def test_the_first_few_of_each_group():
    mini = get_profile("mini")
    few = mini.reached(mini.members())["few"]
    assert [len([f for f in few if f.parent == members[0].parent]) for members in mini.members()] == [mini.few] * 2
