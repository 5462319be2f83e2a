"""Priced rules against a plain market written out here: quotes, bets, dividends, prices, taxes and covering, trade by trade."""

import math
from dataclasses import dataclass

import numpy as np
import pytest

from marketic.agents.rule_alphabet import Alphabet, Component
from marketic.agents.rule_books import TICKS
from marketic.agents.rule_prices import BURIAL_EVERY, Prices
from marketic.agents.rules import Rules


@dataclass
class Plain:
    """One rule. stamp: the tax that it has paid for."""

    condition: str
    action: int
    wealth: int
    price: float
    variance: float
    trials: int
    stamp: float

    def owns(self, tax):
        return self.wealth / TICKS * math.exp(-max(tax - self.stamp, 0.0))

    def deviation(self, terms):
        return math.sqrt(self.variance) + terms.floor

    def density(self, y, terms):
        deviation = self.deviation(terms)
        return math.exp(-0.5 * ((y - self.price) / deviation) ** 2) / (deviation * math.sqrt(2 * math.pi))


class PlainMarket:
    """The economy of `rule_prices`, rule by rule, without takeovers and burials."""

    def __init__(self, terms, actions, capacity):
        self.terms, self.actions, self.capacity = terms, actions, capacity
        self.rules, self.tax, self.trades, self.house = [], 0.0, 0, 0

    def matching(self, x):
        return [one for one in self.rules if all(c in ("#", str(bit)) for c, bit in zip(one.condition, x, strict=True))]

    def quotes(self, x):
        top, bottom = [0.0] * self.actions, [0.0] * self.actions
        for one in self.matching(x):
            weight = (one.owns(self.tax) + 1e-9) / one.deviation(self.terms) ** 2
            top[one.action] += weight * one.price
            bottom[one.action] += weight
        return [a / b * self.terms.prize if b > 0 else 0.0 for a, b in zip(top, bottom, strict=True)]

    def keeps(self, one, wealth):
        """A rule owns so much from now on; the house has the rest."""
        self.house += one.wealth - wealth
        one.wealth = wealth

    def collect(self, rules):
        for one in rules:
            if self.tax > one.stamp:
                self.keeps(one, math.floor(one.wealth * math.exp(-(self.tax - one.stamp))))
                one.stamp = self.tax

    def trade(self, x, action, realised):
        y, terms = realised / self.terms.prize, self.terms
        self.collect(self.matching(x))
        advocates = [one for one in self.matching(x) if one.action == action]
        stakes = [terms.house] + [one.wealth / TICKS for one in advocates]
        beliefs = [1.0] + [one.density(y, terms) for one in advocates]
        pool = sum(stake * belief for stake, belief in zip(stakes, beliefs, strict=True)) / sum(stakes)
        for one, belief in zip(advocates, beliefs[1:], strict=True):
            self.keeps(one, math.floor(one.wealth * min(max(belief / pool, 1 / 5), 5.0)))
        total = sum(one.wealth for one in advocates)
        if total and (len(advocates) == 1 or self.trades < terms.after):
            shares = [one.wealth / total for one in advocates]
            for one, share in zip(advocates, shares, strict=True):
                self.keeps(one, one.wealth + math.floor(terms.dividend * TICKS * share))
        if not advocates and len(self.rules) < self.capacity:
            advocates = [Plain("".join(map(str, x)), action, 0, 0.0, terms.spread**2, 0, self.tax)]
            self.keeps(advocates[0], int(terms.endowment * TICKS))
            self.rules += advocates
        for one in advocates:
            one.trials += 1
            error = y - one.price
            one.price += max(terms.rate, 1 / one.trials) * error
            one.variance += terms.rate * (error**2 - one.variance)
        self.tax += terms.tax / max(len(self.rules), 1)
        self.trades += 1
        if self.trades % BURIAL_EVERY == 0:
            self.collect(self.rules)


@pytest.mark.parametrize("seed", range(12))
def test_prices_are_traded_as_written_out_here(seed):
    rng = np.random.default_rng(seed)
    terms = Prices(prize=float(rng.choice([1.0, 100.0, 2.0**-10])), rate=float(rng.choice([0.1, 0.5, 1.0])), takeovers=0.0,
                   after=int(rng.choice([0, 60])), house=float(rng.uniform(0.01, 1.0)), tax=float(rng.choice([0.0, 0.3, 3.0])),
                   bankrupt=0.0, spread=float(rng.uniform(0.01, 1.0)), floor=float(rng.uniform(0.001, 0.1)),
                   dividend=float(rng.choice([0.0, 1.0])))  # fmt: skip
    positions, actions, capacity = int(rng.choice([2, 4, 64])), int(rng.integers(1, 4)), int(rng.integers(3, 40))
    alphabet = Alphabet([Component(size=2)] * positions)
    market = Rules(alphabet, actions, contract=terms, capacity=capacity, rng=rng)
    plain = PlainMarket(terms, actions, capacity)
    for _ in range(3):
        condition, action = "".join(rng.choice(list("01####"), positions)), int(rng.integers(actions))
        market.admit(condition, action)
        plain.rules.append(Plain(condition, action, int(TICKS), 0.0, 0.0, 0, 0.0))
        plain.house -= int(TICKS)
    situations, worth = rng.integers(0, 2, (8, positions)), rng.integers(0, 3, (8, actions))
    for _ in range(150):
        k, action = int(rng.integers(8)), int(rng.integers(actions))
        x, shown = situations[k].tolist(), situations[[k]].astype(float)
        np.testing.assert_allclose(market.appraise(shown).value[0], plain.quotes(x), rtol=1e-9, atol=1e-12)
        realised = float(worth[k, action] + rng.choice([0.0, 0.0, 0.05])) * terms.prize
        plain.trade(x, action, realised)
        market.exchange.learn(alphabet.encode(shown)[0], action, realised, False)
        books, count = market.exchange.books, len(plain.rules)
        assert market.n_rules == count
        np.testing.assert_allclose(books.wealth[:count], [one.wealth for one in plain.rules], rtol=1e-9, atol=4)
        np.testing.assert_allclose(books.price[:count], [one.price for one in plain.rules], rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(books.variance[:count], [one.variance for one in plain.rules], rtol=1e-9, atol=1e-15)
        assert market.imbalance == 0
        assert abs(market.accounts["house"] - plain.house) <= 4 * count
