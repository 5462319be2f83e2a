"""Curvature has a sign in any units: forms built with one, in units far apart, against those built without."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketic import InputError
from marketic.economy.time import linear_quadratic
from marketic.mechanisms.equilibrium import walras_lp
from marketic.quadratic_forms import ROUNDING, asymmetry, least_root


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), wide=st.floats(0, 30), rank=st.integers(1, 4), money=st.floats(-20, 20))
def test_the_sign_of_a_form_does_not_depend_on_units(seed: int, wide: float, rank: int, money: float) -> None:
    rng = np.random.default_rng(seed)
    root, units = rng.standard_normal((4, rank)), 10.0 ** rng.uniform(-wide, wide, 4)
    form = 10.0**money * (root @ root.T) * np.outer(units, units)
    assert asymmetry(form) <= ROUNDING
    assert least_root(form)[0] >= -ROUNDING
    direction = rng.standard_normal(4)
    direction /= np.linalg.norm(direction) * units
    wrong = form - 10.0**money * 100.0 * np.outer(direction * units, direction * units) * np.outer(units, units)
    assert least_root((wrong + wrong.T) / 2)[0] < -ROUNDING
    wrong = form.copy()
    wrong[0, 1] += 1e-6 * np.sqrt(form[0, 0] * form[1, 1])
    assert asymmetry(wrong) > ROUNDING


@pytest.mark.parametrize(
    "curvature",
    [
        [-9e-13, 0.0], [1e13, -5.0], np.diag([1e13, -5.0]), 3e-13 * np.array([[1.0, -2.0], [-2.0, 1.0]]),
        [[0.0, 1e-9], [1e-9, 1.0]],
    ],
)  # fmt: skip
def test_increasing_returns_are_refused_in_any_currency(curvature) -> None:
    """With a curvature of -9e-13 the best of 10 units of a loss of 1e-13 each is to take them all, not none."""
    with pytest.raises(InputError, match="welfare is not concave"):
        walras_lp([-1e-13, -1e-13], [[1.0, 1.0]], [10.0], limits=[10.0, 10.0], curvature=curvature)


def test_curvature_that_is_not_symmetric_is_refused_in_any_currency() -> None:
    with pytest.raises(InputError, match="curvature is not symmetric"):
        walras_lp([1e-13, 1e-13], [[1.0, 1.0]], [10.0], curvature=1e-13 * np.array([[1.0, 1.0], [0.0, 1.0]]))


def test_linear_quadratic_economies_hold_every_unit_to_concavity() -> None:
    eye = np.eye(2)
    with pytest.raises(InputError, match="'household' is not concave"):
        linear_quadratic(eye, eye, np.diag([1e13, -5.0]), eye, 3)
    with pytest.raises(InputError, match="'household' is not concave"):
        linear_quadratic(eye, eye, eye, np.diag([1.0, 0.0]), 3)
    with pytest.raises(InputError, match="Q is not symmetric"):
        linear_quadratic(eye, eye, [[1e13, 0.0], [1.0, 1.0]], eye, 3)
    linear_quadratic(eye, eye, np.diag([1e-20, 1e20]), np.diag([1e20, 1e-20]), 3)
