"""The table of every Gymnasium space: what is supported, as observation and as action, and what is refused."""

import math

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import (
    Box,
    Dict,
    Discrete,
    Graph,
    MultiBinary,
    MultiDiscrete,
    OneOf,
    Sequence,
    Text,
    Tuple,
)  # fmt: skip
from gymnasium.vector.utils import batch_space, concatenate, create_empty_array, iterate

import marketic
from marketic import Goods, InputError

INF = np.inf
# space, sizes of its goods (None: a real one)
OBSERVATIONS = [
    (Discrete(4), [4]),
    (Discrete(4, start=-2), [4]),
    (Discrete(1), [1]),
    (Box(-1.0, 1.0, (3,)), [None] * 3),
    (Box(-INF, INF, (2, 3), np.float64), [None] * 6),
    (Box(np.array([0, -INF]), np.array([INF, 5]), dtype=np.float64), [None] * 2),
    (Box(0, 255, (2, 2, 3), np.uint8), [None] * 12),
    (Box(-5, 5, (), np.int32), [None]),
    (MultiDiscrete([2, 5]), [2, 5]),
    (MultiDiscrete([2, 5], start=[-1, 7]), [2, 5]),
    (MultiDiscrete([[2, 3], [4, 5]]), [2, 3, 4, 5]),
    (MultiBinary(3), [2] * 3),
    (MultiBinary((2, 2)), [2] * 4),
    (Tuple([Discrete(3, start=1), Box(-1, 1, (2,))]), [3, None, None]),
    (Dict(b=Discrete(2), a=MultiBinary(2)), [2, 2, 2]),
    (Dict(far=Dict(x=Discrete(3), y=Tuple([MultiDiscrete([2, 2], start=[3, 3]), Discrete(2)])), near=Box(0, 1, (1,))),
     [3, 2, 2, 2, None]),
]  # fmt: skip
ACTIONS = [
    (Discrete(4), [4]),
    (Discrete(4, start=-2), [4]),
    (Box(-1.0, 1.0, (3,)), [5] * 3),
    (Box(np.array([0.0, -3.0]), np.array([0.1, 3.0]), dtype=np.float64), [5] * 2),
    (Box(0, 3, (2, 2), np.int64), [4] * 4),
    (Box(-1, 1, ()), [5]),
    (MultiDiscrete([2, 5]), [2, 5]),
    (MultiDiscrete([2, 5], start=[-1, 7]), [2, 5]),
    (MultiDiscrete([[2, 3], [4, 5]]), [2, 3, 4, 5]),
    (MultiBinary(3), [2] * 3),
    (MultiBinary((2, 2)), [2] * 4),
    (Tuple([Discrete(3, start=1), Box(-1, 1, (2,))]), [3, 5, 5]),
    (Dict(b=Discrete(2), a=MultiBinary(2)), [2, 2, 2]),
    (Dict(far=Dict(x=Discrete(3), y=Tuple([MultiDiscrete([2, 2], start=[3, 3]), Discrete(2)])), near=Box(0, 1, (1,))),
     [3, 2, 2, 2, 5]),
]  # fmt: skip


def leaves(value) -> list[float]:
    """A value's numbers in order, by another road than the one tested."""
    if isinstance(value, dict):
        return [x for part in value.values() for x in leaves(part)]
    if isinstance(value, tuple):
        return [x for part in value for x in leaves(part)]
    return [float(x) for x in np.asarray(value).ravel()]


def starts(space) -> list[float]:
    if isinstance(space, Dict):
        return [x for part in space.spaces.values() for x in starts(part)]
    if isinstance(space, Tuple):
        return [x for part in space.spaces for x in starts(part)]
    start = getattr(space, "start", 0)
    return [float(x) for x in np.broadcast_to(start, space.shape).ravel()]


@pytest.mark.parametrize(("space", "sizes"), OBSERVATIONS, ids=lambda x: str(x)[:40])
def test_observations(space: gym.Space, sizes: list) -> None:
    goods = Goods.from_space(space)
    assert [good.size for good in goods] == sizes
    assert not any(good.rival for good in goods)
    assert len({good.name for good in goods}) == len(sizes), "every good has a name of its own"
    assert goods.states == (None if None in sizes else math.prod(sizes))
    assert [goods[good.name] for good in goods] == list(goods)
    space.seed(1)
    values = [space.sample() for _ in range(6)]
    for value in values:
        encoded = goods.encode(value)
        assert encoded.dtype == np.float64
        assert encoded.tolist() == [x - start for x, start in zip(leaves(value), starts(space), strict=True)]
        assert all(good.low <= x <= good.high for good, x in zip(goods, encoded, strict=True))
        assert goods.batch_size(value) is None
    batch = concatenate(space, values, create_empty_array(space, len(values)))
    rows = goods.encode_rows(batch, len(values))
    assert rows.tolist() == [goods.encode(value).tolist() for value in values]
    assert goods.batch_size(batch) == len(values)


@pytest.mark.parametrize(("space", "sizes"), ACTIONS, ids=lambda x: str(x)[:40])
def test_actions(space: gym.Space, sizes: list) -> None:
    goods = Goods.from_space(space, rival=True, action_bins=5)
    assert goods.sizes.tolist() == sizes
    assert all(good.rival for good in goods)
    draw = np.random.default_rng(0)
    decoded = []
    for numbers in [
        np.zeros(len(sizes), dtype=np.int64),
        goods.sizes - 1,
        *(draw.integers(goods.sizes) for _ in range(20)),
    ]:
        action = goods.decode(numbers)
        assert space.contains(action), action
        decoded.append(action)
        finite = Goods.from_space(space)
        for good, x, number in zip(finite, finite.encode(action), numbers, strict=True):
            if good.size is not None:
                assert x == number, "a finite action decodes and encodes back to itself"
    lowest, highest = leaves(decoded[0]), leaves(decoded[1])
    bounds = [(good.low, good.high, good.size) for good in Goods.from_space(space)]
    for (low, high, size), first, last in zip(bounds, lowest, highest, strict=True):
        if size is None:
            assert (first, last) == (low, high), "a Box's levels reach from bound to bound"
    batch = concatenate(space, decoded, create_empty_array(space, len(decoded)))
    if isinstance(space, Discrete | Box | MultiDiscrete | MultiBinary):
        assert batch_space(space, len(decoded)).contains(batch)
    plain = Goods.from_space(space)
    for item, action in zip(iterate(batch_space(space, len(decoded)), batch), decoded, strict=True):
        assert plain.encode(item).tolist() == plain.encode(action).tolist()


def test_levels_of_a_box_are_evenly_spaced() -> None:
    goods = Goods.from_space(
        Box(np.array([-2.0, 0.0]), np.array([2.0, 1.0]), dtype=np.float64), rival=True, action_bins=3
    )
    assert [goods.decode(np.array([k, k])).tolist() for k in range(3)] == [[-2.0, 0.0], [0.0, 0.5], [2.0, 1.0]]


REFUSED = [
    Text(5), Sequence(Discrete(2)), Graph(Box(0, 1, (2,)), None), OneOf([Discrete(2), Box(0, 1, (1,))]),
    Tuple([Discrete(2), Text(3)]), Dict(word=Text(2)),
]  # fmt: skip


@pytest.mark.parametrize("space", REFUSED, ids=lambda x: str(x)[:40])
@pytest.mark.parametrize("rival", [False, True])
def test_other_spaces_are_refused_by_name(space: gym.Space, rival: bool) -> None:
    with pytest.raises(InputError) as refusal:
        Goods.from_space(space, rival=rival, action_bins=3)
    message = str(refusal.value)
    guilty = next((p for p in (*getattr(space, "spaces", {}).values(),) if isinstance(p, Text)), space) \
        if isinstance(space, Dict) else space.spaces[1] if isinstance(space, Tuple) else space  # fmt: skip
    assert str(guilty) in message
    assert "supported: Discrete, Box" in message
    assert "gymnasium.wrappers" in message
    assert ("action" if rival else "observation") in message


@pytest.mark.parametrize("space", [Tuple([]), Dict({}), Box(0, 1, (0,))])
def test_an_empty_space_is_refused(space: gym.Space) -> None:
    with pytest.raises(InputError, match="no components"):
        Goods.from_space(space)


def test_real_actions_need_levels_and_bounds() -> None:
    with pytest.raises(InputError, match=r"Box\(-1.0, 1.0, \(2,\), float32\): real actions need action_bins= levels"):
        Goods.from_space(Box(-1, 1, (2,)), rival=True)
    with pytest.raises(InputError, match=r"action\[1\] is unbounded.*TransformAction"):
        Goods.from_space(Box(np.array([0, 0]), np.array([1, INF]), dtype=np.float64), rival=True, action_bins=3)


def test_the_advice_for_unbounded_actions_works() -> None:
    class Thrown(gym.Env):
        observation_space, action_space = Discrete(2), Box(-INF, INF, (2,))

        def reset(self, *, seed=None, options=None):
            return 0, {}

        def step(self, action):
            return 0, float(action.sum()), True, False, {}

    with pytest.raises(InputError, match=r"lambda action: action, gymnasium.spaces.Box\(-1.0, 1.0, \(2,\)\)"):
        marketic.make(Thrown())
    bounded = gym.wrappers.TransformAction(Thrown(), lambda action: action, Box(-1.0, 1.0, (2,)))
    assert marketic.make(bounded, seed=0).learn(300).evaluate(1) == [2.0]


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int16, np.int32, np.uint32, np.int64, np.uint64])
def test_levels_of_integers_reach_as_far_as_integers_do(kind) -> None:
    least, most = np.iinfo(kind).min, np.iinfo(kind).max
    rng = np.random.default_rng(0)
    for _ in range(20):
        low, high = sorted(int(x) for x in rng.integers(least, most, 2, dtype=kind, endpoint=True))
        for ends in ((low, high), (least, most), (least, high), (low, most)):
            space = Box(*(np.array([end], dtype=kind) for end in ends), dtype=kind)
            rights = Goods.from_space(space, rival=True, action_bins=7)
            levels = [rights.decode(np.array([k])) for k in range(rights.sizes[0])]
            assert all(space.contains(level) for level in levels)
            whole, width = [int(level[0]) for level in levels], (ends[1] - ends[0]) / 6
            for k, level in enumerate(whole if len(whole) == 7 else []):
                assert abs(level - ends[0] - k * width) <= 0.5 + 2**-50 * max(map(abs, ends)), "evenly spaced"


@pytest.mark.parametrize("kind", [np.int32, np.int64])
def test_integers_without_a_bound_are_unbounded(kind) -> None:
    """Gymnasium keeps no infinity for 64-bit integers: it writes the farthest number, and says apart that it is no bound."""
    space = Box(np.iinfo(kind).min, np.iinfo(kind).max, (1,), kind)
    space.bounded_below[:] = space.bounded_above[:] = False  # as Box(-inf, inf) makes them
    assert [(good.low, good.high) for good in Goods.from_space(space)] == [(-INF, INF)]
    with pytest.raises(InputError, match=r"action\[0\] is unbounded"):
        Goods.from_space(space, rival=True, action_bins=5)


def test_the_widest_range_of_floats_has_finite_levels() -> None:
    most = np.finfo(np.float64).max
    rights = Goods.from_space(Box(-most, most, (1,), np.float64), rival=True, action_bins=5)
    levels = [rights.decode(np.array([k]))[0] for k in range(5)]
    assert np.allclose(np.array(levels) / most, [-1.0, -0.5, 0.0, 0.5, 1.0])


@pytest.mark.parametrize("bins", [1, 0, -3, 2.5, "5", True])
def test_levels_are_a_whole_number(bins) -> None:
    with pytest.raises(InputError, match=r"action_bins=.*wanted an integer >= 2"):
        Goods.from_space(Box(-1, 1, (2,)), rival=True, action_bins=bins)


@pytest.mark.parametrize(
    ("space", "value"),
    [
        (Box(-1, 1, (3,)), np.zeros(2)),
        (Box(-1, 1, (3,)), np.zeros((2, 3))),
        (Box(-1, 1, (3,)), "abc"),
        (Discrete(3), "one"),
        (Discrete(3), None),
        (MultiDiscrete([2, 2]), [1]),
        (Tuple([Discrete(2), Discrete(2)]), (1,)),
        (Tuple([Discrete(2), Discrete(2)]), 1),
        (Dict(a=Discrete(2), b=Discrete(2)), {"a": 1}),
        (Dict(a=Discrete(2), b=Discrete(2)), 3),
    ],
)
def test_a_value_of_another_structure_is_refused(space: gym.Space, value) -> None:
    with pytest.raises(InputError, match="is no value of observation space"):
        Goods.from_space(space).encode(value)


def test_encodings_are_copies() -> None:
    goods = Goods.from_space(Box(-1, 1, (2,), np.float64))
    value = np.zeros((3, 2))
    single, rows = goods.encode(value[0]), goods.encode_rows(value, 3)
    value[:] = 9.0
    assert not single.any()
    assert not rows.any()


@pytest.mark.parametrize("rival", [False, True])
def test_two_components_of_one_name_are_refused(rival):
    space = gym.spaces.Dict({"a": gym.spaces.MultiDiscrete([2, 2]), "a[0]": gym.spaces.Discrete(3)})
    with pytest.raises(InputError, match=r"two components of .* are called '.*a\[0\]': rename a key"):
        Goods.from_space(space, rival=rival)
