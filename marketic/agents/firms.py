"""A market of firms: whole societies of agents compete for episodes in a world that may change without notice.

One firm plays an episode; all it shows for it is the return. When an established firm (see `firm_books`) collapses in
`patience` episodes in a row, the world must have changed: what it learned in them is written off, by restoring its society
as it stood before, and it is suspended. The others may try again, the best earner first; if all are suspended, a new firm
is founded. A suspended firm that was established gets a trial episode now and then while its successor is not established
yet: it takes over again unless it collapses. So an old world that comes back finds its old firm intact, and nobody needs to
be told that it came back.
"""

import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from marketic.agents.firm_books import Firm, Register, Statute, part_of
from marketic.bids import Bids
from marketic.errors import InputError
from marketic.goods import Goods
from marketic.option_names import check_names
from marketic.population import Population, Receipt
from marketic.registry import resolve
from marketic.words import NO_WORDS, Words

LARGEST_REGISTER = 1_000_000
"""Most agents that all the firms of a register may have together: each has an account in the ledger from the start."""
NOBODY = -1  # in place of a firm's serial


class Firms:
    """A population of whole societies, of which one acts at a time.

    found: makes the society of a new firm from a generator of its own. All societies are of one size, their bidder i takes
           the same action, and they have `state_dict` (copies, arrays only) and `load_state_dict`.
    rng:   seeds those generators.
    patience, sigma, share, seasoned, trial_every, limit: see `firm_books.Statute`.

    The agents of the firm in slot s of the register are numbered from s * (agents of a society); a firm that leaves a full
    register leaves its accounts to its successor.

    Every episode that one firm played from its first step to its last enters that firm's books; another firm can take over
    only when the episode in row 0 ends. Training that stops (`Market.learn`) looks like a time limit: returns that came in
    with the last receipts are dropped, and a trial that was under way is undone. Observations of other rows than those in
    training are bid for without deciding anything.

    Cost: the acting society's `state_dict` is copied at the start of every episode of row 0 (tens of microseconds for 10,000
    agents, a millisecond per 10 MB), and up to two copies are kept per firm, and saved with it.

    Raises InputError for rules out of range, for societies that cannot be copied, and for more than 1,000,000 agents.
    """

    open_options = True  # options of the inner family are passed on to it

    def __init__(
        self,
        found: Callable[[np.random.Generator], Population],
        *,
        rng: np.random.Generator,
        patience: int = 2,
        sigma: float = 2.0,
        share: float = 0.25,
        seasoned: int = 10,
        trial_every: int = 10,
        limit: int = 8,
    ) -> None:
        self.statute = Statute(patience, sigma, share, seasoned, trial_every, limit)
        self._found, self._entropy = found, int(rng.integers(2**63))
        self.rows = 1
        self.n_agents = self.n_bidders = self._size = 0  # the first society tells
        self.register = Register(self.statute, self._open)
        self.start(1)

    @classmethod
    def for_spaces(
        cls,
        goods: Goods,
        actions: int,
        *,
        rng: np.random.Generator,
        society: Any = "growing",
        patience: int = 2,
        sigma: float = 2.0,
        share: float = 0.25,
        seasoned: int = 10,
        trial_every: int = 10,
        limit: int = 8,
        **options: Any,
    ) -> "Firms":
        """Firms whose societies are of the family `society`: a name, "module:Name", or a class with `for_spaces`.

        All other options are that family's. Raises InputError if it does not know them.
        """
        family = resolve("agents", society) if isinstance(society, str) else society
        build = getattr(family, "for_spaces", family)
        if not callable(build):
            raise InputError(f"society={society!r}: wanted a family's name, module:Name, or a class with for_spaces")
        name = getattr(family, "__name__", family)
        try:
            check_names(family, options, inspect.signature(Statute).parameters)
        except InputError as error:
            raise InputError(f"cannot found a society of {name}: {error}") from None

        def found(own: np.random.Generator) -> Population:
            try:
                return build(goods, actions, rng=own, **options)
            except (TypeError, ValueError) as error:
                raise InputError(f"cannot found a society of {name} with {options}: {error}") from error

        rules = {"patience": patience, "sigma": sigma, "share": share, "seasoned": seasoned}
        return cls(found, rng=rng, trial_every=trial_every, limit=limit, **rules)  # type: ignore[arg-type]

    @property
    def incumbent(self) -> Firm:
        """The firm that greedy play reads: the current one, also while another is on trial."""
        return self.register.current

    @property
    def acting(self) -> Firm:
        """The firm that plays the present episode."""
        return self.register.acting

    @property
    def trades(self) -> np.ndarray:
        """How many rights each agent has owned, int64 [n_agents], if the societies count that."""
        counted = np.zeros((self.statute.limit, self._size), dtype=np.int64)
        for firm in self.register.firms:
            counted[firm.slot] = firm.society.trades  # type: ignore[attr-defined]
        return counted.ravel()

    def describe(self, agent: int, words: Words = NO_WORDS) -> str:
        """An agent's rule in plain words, with its firm in front."""
        slot, member = divmod(int(agent), self._size)
        firm = next((firm for firm in self.register.firms if firm.slot == slot), None)
        if firm is None:
            return f"place {slot} of the register is vacant"
        rule = firm.society.describe(member, words) if hasattr(firm.society, "describe") else f"agent {member}"
        return f"firm {firm.serial}, {rule}"

    def start(self, rows: int) -> None:
        """Drop what is unfinished, and make room for `rows` parallel rows."""
        self.register.halt()
        self.rows = rows
        self._next = True  # row 0 is about to begin an episode
        self._earned = np.zeros(rows)
        self._owner, self._whole = np.full(rows, NOBODY), np.ones(rows, dtype=bool)
        self._reported: list[float] = []
        for firm in self.register.firms:
            _start(firm, rows)

    def bid(self, observation: np.ndarray) -> Bids:
        """The acting firm's bids. Before the first bid of an episode in row 0 it is decided which firm that is."""
        if self._next and len(observation) == self.rows:
            self._decide()
        return self._numbered(self.acting, self.acting.society.bid(observation))

    def appraise(self, observation: np.ndarray) -> Bids:
        """The incumbent's bids for greedy play; as pure as its own appraisal."""
        society = self.incumbent.society
        return self._numbered(self.incumbent, getattr(society, "appraise", society.bid)(observation))

    def act(self, winner: np.ndarray, observation: np.ndarray) -> np.ndarray:
        """Bidder i takes the same action in every firm."""
        return self.acting.society.act(winner, observation)

    def learn(self, receipt: Receipt) -> None:
        """Every firm learns from the rights that it owned; returns of finished episodes are kept for the next decision."""
        owners = set(self._owner[receipt.valid].tolist())
        for firm in self.register.firms:
            if firm.serial in owners:
                own = receipt.valid & (self._owner == firm.serial)
                firm.society.learn(receipt if len(owners) == 1 else replace(receipt, valid=own))
        if owners:
            self._count(receipt)
        self._owner[:] = self.acting.serial  # whoever acts now bought the next right

    def _count(self, receipt: Receipt) -> None:
        """Add up returns; episodes that ended are reported if the acting firm played them from start to end."""
        valid = receipt.valid
        self._earned[valid] += receipt.reward[valid]
        ended = valid & (receipt.terminated | receipt.truncated)
        if ended.any():
            self._reported += self._earned[ended & self._whole].tolist()
            self._earned[ended], self._whole[ended] = 0.0, True
            self._next = self._next or bool(ended[0])

    def _decide(self) -> None:
        """Between two episodes of row 0: read the returns, until they decide something, and choose who plays next."""
        before = self.acting
        for value in self._reported:
            self.register.end(value)
            if self.register.trial or self.incumbent is not self.acting:
                break
        self._reported, self._next = [], False
        self.register.begin()
        if self.acting is not before and self.rows > 1:
            self._whole[1:] = False  # their episodes, if any are under way, have two players now
            _start(self.acting, self.rows)  # what it once owned in the other rows has been settled

    def _open(self, serial: int, slot: int) -> Firm:
        """A firm with a fresh society, drawn from the generator of its serial."""
        rng = np.random.Generator(np.random.PCG64([self._entropy, serial]))
        firm = Firm(self._found(rng), rng, serial, slot)
        if not self._size:
            self._measure(firm.society)
        if (firm.society.n_agents, firm.society.n_bidders) != (self._size, self.n_bidders):
            raise InputError("Firms: wanted societies of one size; found() made one with other n_agents or n_bidders")
        _start(firm, self.rows)
        return firm

    def _measure(self, society: Population) -> None:
        """Read the sizes of all societies off the first one. Raises InputError if it cannot be backed up."""
        name = type(society).__name__
        if not (hasattr(society, "state_dict") and hasattr(society, "load_state_dict")):
            raise InputError(
                f"Firms of {name}: wanted societies with state_dict and load_state_dict, to write losses off"
            )
        one, other = society.state_dict(), society.state_dict()
        if any(np.may_share_memory(array, other[key]) for key, array in one.items()):
            raise InputError(f"Firms of {name}: its state_dict() hands out live arrays; wanted copies")
        self.n_bidders, self._size = society.n_bidders, society.n_agents
        self.n_agents = self.statute.limit * self._size
        if self.n_agents > LARGEST_REGISTER:
            raise InputError(
                f"limit={self.statute.limit} firms of {self._size} agents: wanted at most {LARGEST_REGISTER} agents in all; "
                "set a lower limit, or found smaller societies"
            )

    def _numbered(self, firm: Firm, bids: Bids) -> Bids:
        """Bids under the account numbers of the firm."""
        first, members = firm.slot * self._size, bids.bidder
        if members is None:
            members = np.broadcast_to(np.arange(self.n_bidders)[:, None], (*bids.value.shape, 1))
        return Bids.unchecked(bids.value, bids.active, bids.budget, bids.side, members + first)

    def state_dict(self) -> dict[str, np.ndarray]:
        """The register with books, societies and backups, and the episodes that are under way."""
        state = {
            "entropy": np.array([self._entropy, self._next], dtype=np.int64),
            "reported": np.array(self._reported, dtype=float),
            "earned": self._earned.copy(),
            "owner": self._owner.copy(),
            "whole": self._whole.copy(),
        }
        return state | {f"firms/{key}": array for key, array in self.register.state_dict().items()}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Restore `state_dict`'s arrays into firms that were made with the same options."""
        self._entropy, following = state["entropy"].tolist()
        self._next, self.rows = bool(following), len(state["earned"])
        self.register.load_state_dict(part_of(state, "firms/"))
        self._reported = state["reported"].tolist()
        self._earned, self._owner, self._whole = (np.array(state[name]) for name in ("earned", "owner", "whole"))


def _start(firm: Firm, rows: int) -> None:
    """Tell a society how many rows it will see."""
    if hasattr(firm.society, "start"):
        firm.society.start(rows)
