"""Market research: what its counted model learns, against tasks whose best answer is known exactly."""

import gymnasium as gym
import numpy as np
import pytest

import marketic
from marketic.agents.counted_model import REWARDS
from tests.tiny_envs import Match, Walk


class Arms(gym.Env):
    """One trade an episode: three arms with means .4, .7 and .5, which all lead to the same last state."""

    observation_space = gym.spaces.Discrete(2)
    action_space = gym.spaces.Discrete(3)

    def __init__(self, noise: float) -> None:
        self.noise = noise

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return 0, {}

    def step(self, action):
        luck = self.noise * self.np_random.normal() if action else 0.0
        return 1, (0.4, 0.7, 0.5)[action] + luck, True, False, {}


def best_blackjack() -> float:
    """What basic strategy earns a hand: exact, with cards drawn from an endless deck, by backward induction."""
    cards = dict.fromkeys(range(1, 10), 1 / 13) | {10: 4 / 13}

    def draw(total, ace, card):
        total, ace = total + card, ace or card == 1
        return total, ace

    def shown(total, ace):
        return total + 10 if ace and total + 10 <= 21 else total

    def ends(total, ace):  # of the dealer, who draws to 17
        if shown(total, ace) >= 17:
            return {min(shown(total, ace), 22): 1.0}
        outcome: dict[int, float] = {}
        for card, chance in cards.items():
            for end, share in ends(*draw(total, ace, card)).items():
                outcome[end] = outcome.get(end, 0.0) + chance * share
        return outcome

    def worth(total, ace, dealer, known):
        if total > 21:
            return -1.0
        if (total, ace) not in known:
            mine = shown(total, ace)
            stick = sum(p * (1.0 if end == 22 else np.sign(mine - end)) for end, p in dealer.items())
            hit = sum(p * worth(*draw(total, ace, card), dealer, known) for card, p in cards.items())
            known[total, ace] = max(stick, hit)
        return known[total, ace]

    value = 0.0
    for up, chance in cards.items():
        dealer: dict[int, float] = {}
        for card, share in cards.items():
            for end, p in ends(*draw(up, up == 1, card)).items():
                dealer[end] = dealer.get(end, 0.0) + share * p
        known: dict[tuple[int, bool], float] = {}
        for first, p in cards.items():
            for second, q in cards.items():
                value += chance * p * q * worth(*draw(first, first == 1, second), dealer, known)
    return float(value)


@pytest.mark.parametrize("noise", [0.0, 0.3, 1.0])
def test_an_unlucky_first_reward_is_tried_again(noise):
    found = 0
    for seed in range(20):
        market = marketic.make(Arms(noise), seed=seed, agents="research").learn(600)
        found += int(market.predict(0, deterministic=True)[0]) == 1
    assert found >= 19, f"the best of three arms was found by {found} of 20 markets"


def test_blackjack_is_played_nearly_as_well_as_it_can_be():
    """The bar: three standard errors of 12,000 hands (.0087 each), and .02 for what 40,000 hands cannot teach."""
    best = best_blackjack()
    assert best == pytest.approx(-0.0465, abs=5e-4)  # Sutton and Barto's rules, as in Gymnasium's natural=False
    market = marketic.make("Blackjack-v1", seed=1).learn(60_000)
    assert market.evaluate(12_000).mean() > best - 0.045


@pytest.mark.parametrize("rewards", [1, 3, REWARDS, 40])
def test_the_model_keeps_mean_and_variance_of_what_it_saw(rewards):
    """However many different rewards a claim brings: up to `REWARDS` are entries of their own, the last a spread."""
    rng = np.random.default_rng(5)
    seen = rng.choice(np.concatenate(([0.25], rng.normal(size=rewards - 1))), 500)
    world = Match(1, gym.spaces.Discrete(1), lambda state, action: prizes.pop())
    prizes = seen.tolist()
    agents = marketic.make(world, seed=1, agents="research").learn(500).population
    used = int(agents.book[0])
    shares, means = agents.count[:used] / 500, agents.mean[:used]
    assert used == min(REWARDS, np.unique(seen).size)
    assert shares @ means == pytest.approx(seen.mean(), abs=1e-12)
    within = agents.spread[:used].sum() / 500
    assert shares @ means**2 - (shares @ means) ** 2 + within == pytest.approx(seen.var(), abs=1e-12)


def test_a_population_saved_before_rewards_were_told_apart_still_trains():
    market = marketic.make(Walk(noisy=True), seed=1, agents="research").learn(300)
    state = market.population.state_dict()
    del state["spread"]
    other = marketic.make(Walk(noisy=True), seed=1, agents="research")
    other.population.load_state_dict(state)
    other.learn(300)
    assert other.evaluate(400).mean() == pytest.approx(1.0, abs=0.2)
