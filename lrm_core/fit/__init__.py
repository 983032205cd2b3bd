"""Fitting: oracle triplanes, losses, and training of the model."""

from lrm_core.fit.losses import freq_weighted_mse
from lrm_core.fit.oracle import OracleFit, fit_oracle
