"""The experiments, by name: pure functions from model, object, configuration and seed to a record."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from lrm_core.measure import (
    e00_model,
    e01_oracle,
    e02_basins,
    e04_visibility,
    e05_residual_spectrum,
    e06_response,
    e08_band_correction,
    e10_isotropy,
    e11_calibration,
    e12_test_time,
    e17_source_distance,
    virtual_quality,
)
from lrm_core.measure.correction_scores import Scene
from lrm_core.measure.directions import changes_from
from lrm_core.measure.oracles import InViews, OracleConfig
from lrm_core.profiles import Profile
from lrm_core.spectral import band_shares, published_shares, response
from lrm_core.spectral.jacobian import leading_directions

Reach = Literal["every", "selected", "few", "fewest"]


@dataclass(frozen=True)
class Experiment:
    """One row of the table of experiments.

    Attributes:
        name: of its module and of its folder in the results store.
        run: (model, object, configuration, seed, cache) -> result.
        config: the configuration's dataclass; with a field `oracle` where it fits oracles.
        every_seed: whether all seeds of a profile are run on a few of its objects, or the first one only.
        objects: it runs for all objects there are, for the profile's selection, for a few of that, or for those of
            them in its first group.
        formulas: functions in which the formulas of its numbers stand, where `run` only calls them.
    """

    name: str
    run: Callable[..., dict[str, Any]]
    config: type
    every_seed: bool = False
    objects: Reach = "selected"
    formulas: tuple[Callable, ...] = ()

    def configuration(self, profile: Profile) -> Any:
        """The configuration of a profile."""
        fit = OracleConfig(profile.iterations, *profile.adam, profile.rays_per_step, profile.views_per_step)
        decided = {"oracle": fit, "training_objects": profile.training_objects, "at_most": profile.iterations}
        return self.config(**{k: v for k, v in decided.items() if k in self.config.__dataclass_fields__})

    def seeds(self, profile: Profile, few: bool) -> tuple[int, ...]:
        """Seeds to run on an object; `few`: whether it is one of the profile's few."""
        return profile.seeds if self.every_seed and few else profile.seeds[:1]


_TABLE = (
    Experiment("e00_model", e00_model.run, e00_model.ModelQuality, objects="every"),
    Experiment("e01_oracle", e01_oracle.run, e01_oracle.OracleQuality),
    Experiment(
        "e02_basins",
        e02_basins.run,
        e02_basins.Basins,
        every_seed=True,
        formulas=(e02_basins.linear_path, e02_basins.latent_distance),
    ),
    Experiment(
        "e04_visibility", e04_visibility.run, e04_visibility.Visibility, formulas=(e04_visibility.split_errors,)
    ),
    Experiment(
        "e05_residual_spectrum",
        e05_residual_spectrum.run,
        e05_residual_spectrum.ResidualSpectrum,
        formulas=(published_shares, band_shares),
    ),
    Experiment("e06_response", e06_response.run, e06_response.DecoderResponse, formulas=(response,)),
    Experiment(
        "e08_band_correction",
        e08_band_correction.run,
        e08_band_correction.BandCorrection,
        formulas=(Scene.scores, e08_band_correction.amplification),
    ),
    Experiment(
        "e09_low_band",
        e08_band_correction.run_low_band,
        e08_band_correction.LowBand,
        formulas=(e08_band_correction.corrections, Scene.scores),
    ),
    Experiment("e10_isotropy", e10_isotropy.run, e10_isotropy.Isotropy, formulas=(changes_from, leading_directions)),
    Experiment("e11_calibration", e11_calibration.run, InViews),
    Experiment(
        "e12_test_time", e12_test_time.run, e12_test_time.LatentOptimisation, formulas=(e12_test_time.measure,)
    ),
    Experiment("longer_fits", e12_test_time.run_longer, e12_test_time.LongerFits, objects="fewest"),
    Experiment("e17_source_distance", e17_source_distance.run, e17_source_distance.SourceDistance),
    Experiment("e18_oracle_length", e01_oracle.run_lengths, e01_oracle.OracleLength, objects="few"),
    Experiment("extent", e17_source_distance.run_extent, e17_source_distance.Extent),
    Experiment("virtual_quality", virtual_quality.run, virtual_quality.VirtualQuality, objects="few"),
)
EXPERIMENTS = {experiment.name: experiment for experiment in _TABLE}


def get_experiment(name: str) -> Experiment:
    """The experiment of that name; ValueError if there is none."""
    if name not in EXPERIMENTS:
        raise ValueError(f"unknown experiment {name!r}; expected one of {', '.join(EXPERIMENTS)}")
    return EXPERIMENTS[name]
