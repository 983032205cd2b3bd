"""The experiments, by name: pure functions from model, object, configuration and seed to a record."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from lrm_core.measure import e00_model as e00
from lrm_core.measure import e01_oracle as e01
from lrm_core.measure import e02_basins as e02
from lrm_core.measure import e04_visibility as e04
from lrm_core.measure import e05_residual_spectrum as e05
from lrm_core.measure import e06_response as e06
from lrm_core.measure import e08_band_correction as e08
from lrm_core.measure import e10_isotropy as e10
from lrm_core.measure import e12_test_time as e12
from lrm_core.measure import e17_source_distance as e17
from lrm_core.measure.correction_scores import Scene, run_calibration
from lrm_core.measure.directions import changes_from
from lrm_core.measure.oracles import InViews, OracleConfig
from lrm_core.profiles import Profile
from lrm_core.spectral import band_shares, published_shares, response
from lrm_core.spectral.jacobian import leading_directions

Reach = Literal["every", "selected", "few", "fewest"]


@dataclass(frozen=True)
class Experiment:
    """One row of the table of experiments."""

    name: str  # of its folder in the results store
    run: Callable[..., dict[str, Any]]  # (model, object, configuration, seed, cache) -> result
    config: type  # the configuration's dataclass; with a field `oracle` where it fits oracles
    every_seed: bool = False  # on a few objects all seeds of a profile, instead of the first one only
    objects: Reach = "selected"  # all there are, the profile's selection, a few of that, those in its first group
    formulas: tuple[Callable, ...] = ()  # in which the formulas of its numbers stand, where `run` only calls them

    def configuration(self, profile: Profile) -> Any:
        """The configuration of a profile."""
        fit = OracleConfig(profile.iterations, *profile.adam, profile.rays_per_step, profile.views_per_step)
        decided = {"oracle": fit, "training_objects": profile.training_objects, "at_most": profile.iterations}
        return self.config(**{k: v for k, v in decided.items() if k in self.config.__dataclass_fields__})

    def seeds(self, profile: Profile, few: bool) -> tuple[int, ...]:
        """Seeds to run on an object; `few`: whether it is one of the profile's few."""
        return profile.seeds if self.every_seed and few else profile.seeds[:1]


_TABLE = (
    Experiment("e00_model", e00.run, e00.ModelQuality, objects="every"),
    Experiment("e01_oracle", e01.run, e01.OracleQuality),
    Experiment("e02_basins", e02.run, e02.Basins, every_seed=True, formulas=(e02.linear_path, e02.latent_distance)),
    Experiment("e04_visibility", e04.run, e04.Visibility, formulas=(e04.split_errors,)),
    Experiment("e05_residual_spectrum", e05.run, e05.ResidualSpectrum, formulas=(published_shares, band_shares)),
    Experiment("e06_response", e06.run, e06.DecoderResponse, formulas=(response,)),
    Experiment("e08_band_correction", e08.run, e08.BandCorrection, formulas=(Scene.scores, e08.amplification)),
    Experiment("e09_low_band", e08.run_low_band, e08.LowBand, formulas=(e08.corrections, Scene.scores)),
    Experiment("e10_isotropy", e10.run, e10.Isotropy, formulas=(changes_from, leading_directions)),
    Experiment("e11_calibration", run_calibration, InViews),
    Experiment("e12_test_time", e12.run, e12.LatentOptimisation, formulas=(e12.measure,)),
    Experiment("longer_fits", e12.run_longer, e12.LongerFits, objects="fewest"),
    Experiment("e17_source_distance", e17.run, e17.SourceDistance),
    Experiment("e18_oracle_length", e01.run_lengths, e01.OracleLength, objects="few"),
    Experiment("extent", e17.run_extent, e17.Extent),
    Experiment("virtual_quality", e08.run_virtual, e08.VirtualQuality, objects="few"),
)
EXPERIMENTS = {experiment.name: experiment for experiment in _TABLE}


def get_experiment(name: str) -> Experiment:
    """The experiment of that name; ValueError if there is none."""
    if name not in EXPERIMENTS:
        raise ValueError(f"unknown experiment {name!r}; expected one of {', '.join(EXPERIMENTS)}")
    return EXPERIMENTS[name]
