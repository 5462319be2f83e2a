"""The economy: goods, firms, consumers and endowments; quantities flow one way, prices come back.

    supply_g = e_g + sum of what firms make of g        (vector goods; a finite good has one source)
    x_ig     = supply_g, or s_ig * supply_g if g is rival, where the shares s_g sum to 1 over the users
    welfare  = sum over consumers of U_h(x_h)           (B_h log U_h if they have budgets), plus rewards (`Table`), less rents

Prices are what one more unit of a good adds to welfare (`marketic.economy.prices`). At these prices every firm's
marginal profit is the derivative of welfare in its capital, so that investing along it is gradient ascent: SGD.

>>> import numpy as np
>>> from marketic.economy import Consumer, Dense, Economy, Good
>>> mill = Dense("mill", ["grain"], ["flour"], [[0.5]])
>>> baker = Consumer("baker", "flour", lambda x: np.log(x[:, 0]), lambda x: 1 / x)
>>> economy = Economy([Good("grain"), Good("flour")], [mill], [baker])
>>> prices = economy.prices(economy.produce({"grain": [[4.0]]}))
>>> float(prices["flour"][0, 0]), float(prices["grain"][0, 0]), prices.certificate.worst
(0.5, 0.25, 0.0)
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from marketic.economy import cycles, inputs, posting, structure
from marketic.economy.consumer import Consumer
from marketic.economy.firm import Capital, Firm
from marketic.economy.layout import Good, Layout, slices
from marketic.economy.prices import Prices
from marketic.economy.state import State, stamp
from marketic.errors import InputError


class Economy:
    """Goods, firms and consumers. See the module's docstring for the model, and `Firm`, `Consumer`, `Good`."""

    def __init__(self, goods: Iterable[Good], firms: Iterable[Firm], consumers: Iterable[Consumer]) -> None:
        self.layout = Layout(goods)
        self.firms: dict[str, Firm] = {}
        self.consumers: dict[str, Consumer] = {}
        self.shares: dict[str, dict[str, np.ndarray]] = {}
        self.moves = 0
        """When firms last invested together, entered or left, or shares moved (`stamp`)."""
        self._closed_lines: set[str] = set()
        for consumer in consumers:
            self._add(consumer, self.consumers)
        for firm in firms:
            self._add(firm, self.firms)
        if not self.consumers:
            raise InputError("an economy without consumers: nothing has a price")
        if len({consumer.budget is None for consumer in self.consumers.values()}) > 1:
            raise InputError("some consumers have a budget and some none: their prices have different units")
        self._connect()

    @property
    def version(self) -> int:
        """When anything last changed, each firm's capital and edges too: prices of another version are out of date."""
        return max([self.moves, *(firm.changes for firm in self.firms.values())])

    def produce(self, endowment: Mapping[str, Any]) -> State:
        """Quantities from endowments: good -> [days, width]; a single row stands for all days.

        Raises InputError, naming the good, for an infeasible endowment: a good of which there is no source, a variety
        that does not exist, a negative supply of a rival good, a cycle whose quantities do not settle.
        """
        if not isinstance(endowment, Mapping):
            raise InputError(f"endowment of type {type(endowment).__name__}: wanted a dict, good -> [days, width]")
        given = {name: self.layout.supply(name, value) for name, value in endowment.items()}
        days = max((len(value) for value in given.values()), default=1)
        for name, value in given.items():
            if len(value) not in (1, days):
                raise InputError(f"endowment of good {name!r} has {len(value)} days, others have {days}")
            given[name] = np.broadcast_to(value, (days, value.shape[1]))
        for name, good in self.layout.goods.items():
            sourced = name in given or self.makers[name] or name in self._closed_lines
            if not sourced and self.users[name]:
                raise InputError(
                    f"good {name!r} is infeasible: {self.users[name][0]!r} wants it, but no one has or makes it"
                )
            if good.kind == "finite" and (name in given) + len(self.makers[name]) > 1:
                raise InputError(f"finite good {name!r} has several sources: varieties cannot be added up")
        if self.cycle:
            return cycles.settle(self, given, days)
        state = State(days, {}, {}, {}, given, version=self.version, moves=self.moves)
        for name in self.order:
            self.run_firm(name, state)
        self._finish(state)
        return state

    def run_firm(self, name: str, state: State) -> np.ndarray:
        """Let one firm produce: writes its input and output to `state`, and returns the output."""
        firm = self.firms[name]
        state.inputs[name] = x = self.read(name, firm.ins, state)
        wanted = (state.days, sum(self.layout.goods[good].width for good in firm.outs))
        y = inputs.answered(
            f"firm {name!r} made an array", firm.alpha(firm.capital, inputs.lent(x)), wanted, "days, columns of outs"
        )
        state.outputs[name] = y
        return y

    def ask_firm(self, name: str, state: State, sold: np.ndarray) -> tuple[np.ndarray, Capital]:
        """What one firm offers, float64 [days, price columns of ins], and earns with its capital, at prices `sold`."""
        firm = self.firms[name]
        x, y = inputs.lent(state.inputs[name]), inputs.lent(state.outputs[name])
        answer = firm.vjp(firm.capital, x, y, sold.copy())
        if not isinstance(answer, tuple) or len(answer) != 2 or not isinstance(answer[1], Mapping):
            told = (
                "(offers, " + type(answer[1]).__name__ + ")" if isinstance(answer, tuple) and len(answer) == 2 else ""
            )
            told = told or type(answer).__name__
            raise InputError(f"firm {name!r} has a vjp that returns {told}: wanted (offers, marginal), marginal a dict")
        wanted = (state.days, sum(self.layout.goods[good].dim for good in firm.ins))
        return inputs.answered(
            f"firm {name!r} offers an array", answer[0], wanted, "days, price columns of ins"
        ), answer[1]

    def read(self, user: str, goods: tuple[str, ...], state: State) -> np.ndarray:
        """What `user` has of `goods`, float64 [days, columns]; its share of rival ones. May be a view: do not change."""
        parts = []
        for name in goods:
            if name not in state.supply:
                state.supply[name] = self._supply(name, state)
            part = state.supply[name]
            parts.append(part * self.shares[name][user] if name in self.shares else part)
        if len(parts) == 1:
            return parts[0]
        return np.concatenate(parts, axis=1) if parts else np.zeros((state.days, 0))

    def _supply(self, name: str, state: State) -> np.ndarray:
        good = self.layout.goods[name]
        total = state.endowment.get(name)
        for maker in self.makers[name]:
            made = state.outputs[maker][:, self.columns[maker][name]]
            total = made if total is None else total + made
        total = np.zeros((state.days, good.width)) if total is None else total
        if name in self.shares and total.min(initial=0.0) < 0:
            raise InputError(f"rival good {name!r} is infeasible: its supply is {total.min():g}, wanted >= 0")
        return total

    def _finish(self, state: State) -> None:
        for name, consumer in self.consumers.items():
            state.inputs[name] = self.read(name, consumer.goods, state)
        for name in self.layout.goods:
            if name not in state.supply:
                state.supply[name] = self._supply(name, state)
            if not np.isfinite(state.supply[name]).all():
                makers = ", ".join(self.makers[name]) or "no one"
                raise InputError(f"good {name!r}, made by {makers}, has values that are NaN or infinite")

    def welfare(self, state: State) -> np.ndarray:
        """The consumers' utilities and what firms add themselves (`Table`: rewards), float64 [days], rents not deducted."""
        agents: dict[str, Firm | Consumer] = {**self.consumers, **self.firms}
        if not isinstance(state, State) or not agents.keys() <= state.inputs.keys():
            raise InputError(
                "this state is out of date, or of another economy: some agents are not in it; call produce again"
            )
        return sum((agent.welfare(state.inputs[name]) for name, agent in agents.items()), np.zeros(state.days))

    def prices(
        self,
        state: State,
        mode: str = "topological",
        *,
        delay: int = 0,
        noise: float = 0.0,
        tolerance: float = 1e-12,
        limit: int | None = None,
        rng: np.random.Generator | None = None,
    ) -> Prices:
        """What one more unit of each good adds to welfare, per day; see `marketic.economy.posting` for the modes.

        mode: "topological" (each firm posts once), "synchronous" (all post in rounds), "asynchronous" (one firm at a
        time, drawn by `rng`, reads prices at most `delay` postings old). noise: standard deviation of a factor on every
        price read. tolerance: for cyclic economies, the largest last change of a price, relative to that price. limit:
        rounds or postings, at most.
        Raises InputError for a cycle without a certified contraction in that mode, a negative price of a freely disposable
        good, a consumer that is not as concave as it claims, offers that are not finite, and a state that was produced
        before the economy changed.
        """
        prices = posting.post(self, state, mode, delay, noise, tolerance, limit, rng)
        prices.require_sound()
        return prices

    def invest(self, prices: Prices, rate: float) -> None:
        """Every firm moves its capital by `rate` times its marginal profit, the mean over days. One step of SGD.

        Edges may have entered, left or paid rent since the prices were posted; what entered invests, too. Raises InputError
        if the economy has changed in another way.
        """
        inputs.number("rate", rate)
        self._require_own(prices, edges=False)
        for name in self.firms:
            prices.require_marginal(name)
        for name, firm in self.firms.items():
            if firm.capital:
                firm.invest(prices.marginal[name], rate / prices.state.days)
        self.moves = stamp()

    def profit(self, prices: Prices, kind: str = "marginal") -> dict[str, float]:
        """Mean profit per day of each firm, rent deducted, units of welfare.

        kind="marginal": revenue less cost at the posted prices; 0 for every firm with constant returns (Euler), so it
        says nothing about who is needed. kind="pivot": welfare with the firm less welfare without it (Clarke 1971).
        Raises InputError if the economy has changed since the prices were posted.
        """
        if kind not in ("marginal", "pivot"):
            raise InputError(f"kind={kind!r}: wanted 'marginal' or 'pivot'")
        self._require_own(prices)
        return structure.marginal_profit(prices) if kind == "marginal" else structure.pivot_profit(self, prices.state)

    def _require_own(self, prices: Prices, *, edges: bool = True) -> None:
        """InputError unless these prices were posted in this economy as it is; `edges` as in `Prices.require_current`."""
        if not isinstance(prices, Prices):
            raise InputError(f"prices of type {type(prices).__name__}: wanted what Economy.prices returned")
        prices.require_current(edges=edges)
        if prices.moves != self.moves or (edges and prices.version != self.version):
            raise InputError("these prices are of another economy: wanted those that this one's `prices` returned")

    def enter(self, firm: Firm) -> None:
        """Admit a firm."""
        self._add(firm, self.firms)
        self._closed_lines -= set(firm.outs)
        self._connect()

    def evict(self, name: str) -> Firm:
        """Remove a firm and return it. Goods that no one makes any more have supply 0 (or their endowment)."""
        if not isinstance(name, str) or name not in self.firms:
            raise InputError(f"no firm named {name!r}: wanted one of {', '.join(list(self.firms)[:8]) or 'none'}")
        firm = self.firms.pop(name)
        finite = [good for good in firm.outs if self.layout.goods[good].kind == "finite"]
        self._closed_lines |= set(firm.outs) - set(finite)
        self._connect()
        return firm

    def _add(self, agent: Any, where: dict[str, Any]) -> None:
        wanted = Firm if where is self.firms else Consumer
        if not isinstance(agent, wanted):
            raise InputError(f"{wanted.__name__.lower()}s hold {agent!r}: wanted marketic.economy.{wanted.__name__}")
        if agent.name in self.firms or agent.name in self.consumers:
            raise InputError(f"two agents are named {agent.name!r}: names must be unique")
        kind, goods = ("firm", (*agent.ins, *agent.outs)) if isinstance(agent, Firm) else ("consumer", agent.goods)
        for name in goods:
            self.layout.require(name, f"{kind} {agent.name!r}")
        if isinstance(agent, Firm):
            for what, listed, size in zip(("ins", "outs"), (agent.ins, agent.outs), agent.size, strict=True):
                columns = sum(self.layout.goods[name].dim for name in listed)
                if size not in (None, columns):
                    raise InputError(
                        f"firm {agent.name!r} is made for {size} numbers in its {what}, but {', '.join(listed)} have {columns}"
                    )
        where[agent.name] = agent

    def _connect(self) -> None:
        """Who makes, uses and reads what, and in which order; shares of rival goods start equal."""
        goods = self.layout.goods
        self.makers: dict[str, list[str]] = {name: [] for name in goods}
        self.users: dict[str, list[str]] = {name: [] for name in goods}
        self.columns: dict[str, dict[str, slice]] = {}
        self.price_columns: dict[str, dict[str, slice]] = {}
        agents: dict[str, Firm | Consumer] = {**self.firms, **self.consumers}
        for name, agent in agents.items():
            ins = agent.ins if isinstance(agent, Firm) else agent.goods
            for good in ins:
                self.users[good].append(name)
            self.price_columns[name] = slices(ins, {good: goods[good].dim for good in ins})
            if isinstance(agent, Firm):
                for good in agent.outs:
                    self.makers[good].append(name)
                self.columns[name] = slices(agent.outs, {good: goods[good].width for good in agent.outs})
        self.order, self.cycle = cycles.order(self)
        self.depth = cycles.longest_path(self)
        for name, described in goods.items():
            if described.rival and set(self.shares.get(name, ())) != set(self.users[name]):
                equal = np.full(described.dim, 1 / max(1, len(self.users[name])))
                self.shares[name] = {user: equal.copy() for user in self.users[name]}
        self.moves = stamp()
