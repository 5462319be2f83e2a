"""The kit for firms: honest ones pass at every scale, and every promise has a planted offender."""

import numpy as np
import pytest

from marketic.checks import ClaimRefuted, check_firm
from marketic.economy import Dense, Firm, Table, adapters
from marketic.economy.firm import CobbDouglas
from marketic.errors import InputError

X = np.random.default_rng(0).uniform(0.5, 2.0, (4, 3))
W = np.random.default_rng(1).standard_normal((3, 2))


def alpha(c, x):
    return np.tanh(x @ c["w"])


def vjp(c, x, y, p):
    p = p * (1 - y * y)
    return p @ c["w"].T, {"w": x.T @ p}


def firm(alpha=alpha, vjp=vjp) -> Firm:
    return Firm("mill", ("a", "b", "c"), ("d", "e"), alpha, vjp, {"w": W})


def changed(**parts):
    """The honest answer of vjp, but for its offers or its marginal profit."""

    def told(c, x, y, p):
        offer, marginal = vjp(c, x, y, p)
        offer = parts["offer"](offer, x, p) if "offer" in parts else offer
        return offer, {"w": parts["marginal"](marginal["w"], x)} if "marginal" in parts else marginal

    return told


def spoils(which):
    """It changes one of its arguments in place."""

    def told(c, x, y, p):
        answer = vjp(c, x, y, p)
        part = {"x": x, "y": y, "p": p, "w": c["w"]}[which]
        part += 1.0
        return answer

    return told


def with_buffer():
    buffer = np.zeros((len(X), 2))

    def reused(c, x):
        if len(x) != len(buffer):
            return alpha(c, x)
        buffer[:] = alpha(c, x)
        return buffer

    return reused


def drawn(c, x):
    return alpha(c, x) * drawn.rng.random()


drawn.rng = np.random.default_rng(0)


def remembers():
    """Offers by what was made last, not by the products that it is shown."""
    last = {}

    def made(c, x):
        last["y"] = alpha(c, x)
        return last["y"].copy()

    def told(c, x, y, p):
        return vjp(c, x, last["y"] if last["y"].shape == y.shape else y, p)

    return {"alpha": made, "vjp": told}


def by(number):
    """Offers a tenth less where that many days are traded together."""
    return {"vjp": lambda c, x, y, p: (vjp(c, x, y, p)[0] * (0.9 if len(x) == number else 1.0), vjp(c, x, y, p)[1])}


def where_traded(c, x, y, p):
    """Divides by the prices on the way."""
    offer, marginal = vjp(c, x, y, p)
    return np.where((p == 0).all(axis=1, keepdims=True), np.nan, offer), marginal


OFFENDERS = {
    "offers by what was made last": (remembers(), "PURE", "once it has made something else"),
    "one day is cheap": (by(1), "DAYS", "1 day alone: it offers something else"),
    "nine days are cheap": (by(9), "DAYS", "9 days alone: it offers something else"),
    "no price": ({"vjp": where_traded}, "LINEAR", "at prices of 0"),
    "old capital": (
        {"vjp": lambda c, x, y, p: vjp({"w": W}, x, y, p)}, "OFFERS", "once capital has moved: .* vjp says"
    ),
    "offers of another shape": ({"vjp": changed(offer=lambda o, x, p: o[:, :1])}, "ANSWERS", r"offers \(4, 1\)"),
    "offers of nothing": ({"vjp": changed(offer=lambda o, x, p: o * np.nan)}, "ANSWERS", "wanted finite numbers"),
    "no word on its capital": ({"vjp": lambda c, x, y, p: (vjp(c, x, y, p)[0], {})}, "ANSWERS", r"marginal\['w'\]"),
    "offers alone": ({"vjp": lambda c, x, y, p: vjp(c, x, y, p)[0]}, "ANSWERS", "it raised ValueError"),
    "it eats its inputs": ({"vjp": spoils("x")}, "UNTOUCHED", "changed its inputs"),
    "it eats its products": ({"vjp": spoils("y")}, "UNTOUCHED", "changed its products"),
    "it sets prices": ({"vjp": spoils("p")}, "UNTOUCHED", "changed the prices"),
    "it invests by itself": ({"vjp": spoils("w")}, "UNTOUCHED", "changed capital 'w'"),
    "one shelf for all": ({"alpha": with_buffer()}, "UNTOUCHED", "what it had made before"),
    "moody": ({"alpha": drawn}, "PURE", "made something else"),
    "the mean of its days": ({"alpha": lambda c, x: alpha(c, x - x.mean(axis=0))}, "DAYS", "day 0 makes something else"),
    "a prize for trading": ({"vjp": changed(offer=lambda o, x, p: o + 0.1)}, "LINEAR", "2 and -3 times"),
    "a wrong factor": ({"vjp": changed(offer=lambda o, x, p: 1.0001 * o)}, "OFFERS", "one more unit earns .* vjp says"),
    "goods in another order": ({"vjp": changed(offer=lambda o, x, p: o[:, ::-1])}, "OFFERS", "no derivatives"),
    "no activation": ({"vjp": lambda c, x, y, p: (p @ c["w"].T, {"w": x.T @ p})}, "OFFERS", "no derivatives"),
    "earnings per day": ({"vjp": changed(marginal=lambda m, x: m / len(x))}, "MARGINAL", "is no derivative"),
    "earnings of the wrong sign": ({"vjp": changed(marginal=lambda m, x: -m)}, "MARGINAL", "is no derivative"),
}  # fmt: skip


@pytest.mark.parametrize("name", OFFENDERS)
def test_offenders_are_caught(name: str) -> None:
    parts, promise, words = OFFENDERS[name]
    report = check_firm(firm(**parts), X, raises=False)
    assert promise in report.refuted
    with pytest.raises(ClaimRefuted, match=rf"mill must be {promise}, but .*{words}"):
        check_firm(firm(**parts), X)


@pytest.mark.parametrize("scale", [1e-100, 1e-6, 1.0, 1e6, 1e100])
@pytest.mark.parametrize("activation", ["linear", "tanh", "relu"])
def test_honest_firms_pass_at_every_scale(scale: float, activation: str) -> None:
    for seed in range(5):
        assert check_firm(Dense("f", "abc", "de", W / scale, activation=activation), X * scale, seed=seed).passed
        assert check_firm(CobbDouglas("f", "abc", "d", [0.2, 0.3, 0.4], scale=scale), X, seed=seed).passed


def test_honest_firms_pass() -> None:
    report = check_firm(firm(), X)
    assert list(report.verdicts) == ["ANSWERS", "UNTOUCHED", "PURE", "DAYS", "LINEAR", "OFFERS", "MARGINAL"]
    assert all(verdict.status == "kept" for verdict in report.verdicts.values())
    assert check_firm(firm(), X[:1]).passed
    assert check_firm(Dense("f", "abc", "de", 0 * W, activation="tanh"), 0 * X).passed


@pytest.mark.parametrize("library", ["jax", "torch", "autograd"])
def test_firms_of_the_adapters_pass(library: str) -> None:
    pytest.importorskip(library)
    module = {"jax": "jax.numpy", "torch": "torch", "autograd": "autograd.numpy"}[library]
    numpy = __import__(module, fromlist=["tanh"])
    adapt = getattr(adapters, f"from_{library}")
    assert check_firm(adapt("f", ["a"], ["b"], lambda c, x: numpy.tanh(x @ c["w"]), {"w": W}), X).passed


def test_what_cannot_be_checked_is_refused() -> None:
    with pytest.raises(InputError, match="between vector goods"):
        check_firm(Table("t", "a", "b", [[1.0]]), [[0.0]])
    with pytest.raises(InputError, match="bundles of shape"):
        check_firm(firm(), [1.0, 2.0])
