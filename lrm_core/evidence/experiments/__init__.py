"""The experiments, by name: pure functions from model, object, configuration and seed to a record."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lrm_core.evidence.experiments import e01_oracle, e02_basins, e05_residual_spectrum
from lrm_core.evidence.oracles import OracleConfig
from lrm_core.profiles import Profile


@dataclass(frozen=True)
class Experiment:
    """One row of the table of experiments.

    Attributes:
        name: of its module and of its folder in the results store.
        run: (model, object, configuration, seed, cache) -> result.
        config: the configuration's dataclass; its first field is the `OracleConfig`.
        every_seed: whether it runs for all seeds of a profile or for the first only.
    """

    name: str
    run: Callable[..., dict[str, Any]]
    config: type
    every_seed: bool

    def configuration(self, profile: Profile) -> Any:
        """The configuration of a profile."""
        names = ("iterations", "rays_per_step", "views_per_step")
        return self.config(oracle=OracleConfig(**{name: getattr(profile, name) for name in names}))

    def seeds(self, profile: Profile) -> tuple[int, ...]:
        return profile.seeds if self.every_seed else profile.seeds[:1]


EXPERIMENTS = {
    experiment.name: experiment
    for experiment in (
        Experiment("e01_oracle", e01_oracle.run, e01_oracle.OracleQuality, every_seed=False),
        Experiment("e02_basins", e02_basins.run, e02_basins.Basins, every_seed=True),
        Experiment(
            "e05_residual_spectrum",
            e05_residual_spectrum.run,
            e05_residual_spectrum.ResidualSpectrum,
            every_seed=False,
        ),
    )
}


def get_experiment(name: str) -> Experiment:
    """The experiment of that name.

    Raises:
        ValueError: if there is none.
    """
    if name not in EXPERIMENTS:
        raise ValueError(f"unknown experiment {name!r}; expected one of {', '.join(EXPERIMENTS)}")
    return EXPERIMENTS[name]
