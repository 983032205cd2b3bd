"""Which numbers belong to which procedural objects: training draws below, evaluation above."""

FIRST_HELD_OUT_SEED = 10_000_000


def held_out_seeds(count: int) -> range:
    """Seeds of the first `count` objects that no training may see."""
    return range(FIRST_HELD_OUT_SEED, FIRST_HELD_OUT_SEED + count)
