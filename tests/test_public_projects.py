"""Public projects: the pivot tax by hand and by definition; expected externalities by quadrature."""

import numpy as np
import pytest
from scipy import stats

from marketic.bids import Bids
from marketic.checks import check_mechanism
from marketic.domains.public_project import PublicProject
from marketic.errors import InputError
from marketic.mechanisms.clarke_pivot import ClarkePivot
from marketic.mechanisms.expected_externality import ExpectedExternality, ExpectedExternalityProject, irwin_hall
from marketic.mechanisms.priors import Uniform

MECHANISMS = [ClarkePivot(), ClarkePivot(1.0), ClarkePivot(1.0, shared=False), ExpectedExternality()]
MECHANISMS += [ExpectedExternalityProject(), ExpectedExternalityProject(2.0, 3.0)]


@pytest.mark.parametrize("mechanism", MECHANISMS, ids=repr)
def test_each_keeps_its_claims(mechanism):
    assert check_mechanism(mechanism, budget=500).passed


def test_pivot_taxes_by_hand():
    """Clarke 1971."""
    cleared = ClarkePivot().clear(Bids([3.0, 4.0, -5.0]))
    assert cleared.allocation.tolist() == [1.0, 1.0, 1.0]
    assert cleared.payments.tolist() == [1.0, 2.0, 0.0]
    refused = ClarkePivot().clear(Bids([3.0, 1.0, -5.0]))
    assert refused.allocation.tolist() == [0.0, 0.0, 0.0]
    assert refused.payments.tolist() == [0.0, 0.0, 4.0]
    assert np.isnan(refused.prices)


def test_who_bears_the_cost():
    bids = Bids([6.0, 5.0])
    shared, borne = ClarkePivot(10.0).clear(bids), ClarkePivot(10.0, shared=False).clear(bids)
    assert shared.payments.tolist() == [0.0, 0.0]  # net of 5 each, either would build alone
    assert borne.payments.tolist() == [5.0, 4.0]  # Nisan et al. 2007, section 9.3.5: cost less the others' values
    assert (shared.prices, borne.prices) == (10.0, 10.0)


@pytest.mark.parametrize("mechanism", MECHANISMS[:3], ids=repr)
def test_taxes_are_what_the_others_lose(mechanism):
    bids = mechanism.domain.draw(np.random.default_rng(0), 500, 4)
    cleared = mechanism.clear(bids)
    heads = np.maximum(bids.active.sum(axis=1, keepdims=True), 1)
    net = np.where(bids.active, bids.value - (mechanism.cost / heads if mechanism.shared else 0.0), 0.0)
    missing = 0.0 if mechanism.shared else mechanism.cost
    built = cleared.allocation.any(axis=1)
    for i in range(4):
        others = np.delete(net, i, axis=1).sum(axis=1) - missing
        lost = np.where(bids.active[:, i], np.maximum(others, 0.0) - np.where(built, others, 0.0), 0.0)
        assert cleared.payments[:, i] == pytest.approx(lost, rel=1e-9, abs=1e-3)
        assert cleared.payments[:, i][lost == 0.0] == pytest.approx(0.0, abs=1e-3)


def test_names_cannot_turn_a_decision_by_rounding():
    for value in ([0.1, 0.2, -0.3], [-0.3, 0.2, 0.1], [0.2, -0.3, 0.1]):
        first = ClarkePivot().clear(Bids([0.1, 0.2, -0.3])).allocation.any()
        assert ClarkePivot().clear(Bids(value)).allocation.any() == first


def test_two_bidders_share_a_bridge():
    """d'Aspremont and Gerard-Varet 1979.

    Cost 1, uniform values: xi(v) = v (1 - v) / 2; of value .6 the best report is .6; payments cancel."""
    project = ExpectedExternalityProject()
    value = np.linspace(0.0, 1.0, 101)
    assert project.externality(value, 2) == pytest.approx(value * (1 - value) / 2, abs=1e-15)
    other = (np.arange(20_000) + 0.5) / 20_000
    earned = []
    for report in value:
        bids = Bids(np.column_stack([np.full(len(other), report), other]))
        cleared = project.clear(bids)
        assert np.abs(cleared.payments.sum(axis=1)).max() < 1e-15
        earned.append(((0.6 - 0.5) * cleared.allocation[:, 0] - cleared.payments[:, 0]).mean())
    assert value[int(np.argmax(earned))] == pytest.approx(0.6)


@pytest.mark.parametrize(("n", "cost", "own"), [(3, 1.0, 0.2), (3, 2.0, 0.9), (4, 1.5, 0.5)])
def test_truth_is_the_best_report_on_average(n, cost, own):
    project = ExpectedExternalityProject(cost)
    points = {3: 100, 4: 24}[n]
    grid = (np.arange(points) + 0.5) / points
    rivals = np.stack(np.meshgrid(*[grid] * (n - 1)), axis=-1).reshape(-1, n - 1)

    def earned(report):
        truth = Bids(np.column_stack([np.full(len(rivals), own), rivals]))
        bids = Bids(np.column_stack([np.full(len(rivals), report), rivals]))
        cleared = project.clear(bids)
        return (PublicProject(cost).net(truth)[:, 0] * cleared.allocation[:, 0] - cleared.payments[:, 0]).mean()

    honest = earned(own)
    gains = [earned(report) - honest for report in np.linspace(0, 1, 21)]
    assert max(gains) < 2e-3
    assert min(gains) < -1e-2


def test_sums_of_uniform_values():
    for n in (1, 2, 3, 8):
        x = np.linspace(0, n, 50)
        total = np.random.default_rng(n).random((100_000, n)).sum(axis=1)
        chance, area = irwin_hall(x, n)
        assert chance == pytest.approx([(total <= y).mean() for y in x], abs=8e-3)
        assert area == pytest.approx([np.maximum(y - total, 0).mean() for y in x], abs=2e-2)


@pytest.mark.parametrize("n", [2, 3, 5])
def test_expected_externalities_of_an_auction(n):
    """Krishna 2010, section 5.3: what the others win when this one does not; uniform, exponential (against simulation)."""
    value = np.array([0.0, 0.3, 0.8, 1.5])
    closed, numeric = ExpectedExternality(Uniform()), ExpectedExternality(stats.uniform())
    assert numeric.externality(value, n) == pytest.approx(closed.externality(value, n), abs=1e-12)
    rivals = np.random.default_rng(n).exponential(size=(200_000, n - 1)).max(axis=1)
    wanted = [(rivals * (rivals > v)).mean() for v in value]
    assert ExpectedExternality(stats.expon()).externality(value, n) == pytest.approx(wanted, abs=0.02)


def test_the_auction_balances_whoever_is_there():
    bids = Bids([[0.2, 0.9, 0.5], [0.2, 0.9, 0.5], [0.2, 0.9, 0.5]], np.array([[1, 1, 1], [1, 0, 1], [0, 1, 0]], bool))
    cleared = ExpectedExternality().clear(bids)
    assert cleared.allocation.argmax(axis=1).tolist() == [1, 2, 1]
    assert cleared.payments.sum(axis=1) == pytest.approx(0.0, abs=1e-15)
    assert cleared.payments[1].tolist() == pytest.approx([0.5 * (0.04 - 0.25), 0.0, 0.5 * (0.25 - 0.04)])
    assert cleared.payments[2].tolist() == [0.0, 0.0, 0.0]
    assert ExpectedExternality().clear(Bids([0.4, 0.4, 0.4])).payments.tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("cost", [-1.0, np.nan, np.inf])
def test_costs_must_be_finite(cost):
    for kind in (ClarkePivot, ExpectedExternalityProject, lambda cost: ExpectedExternalityProject(1.0, cost)):
        with pytest.raises(InputError, match="wanted a"):
            kind(cost)
