"""Takeovers: a rule widens its condition where its price is right as well, and buys out those who are then not needed."""

from numba import njit

from marketic.agents.rule_bits import flip, has
from marketic.agents.rule_books import ALIVE, HOUSE, TOP, collect_tax, leave, move_money
from marketic.agents.rule_quotes import quote_prices
from marketic.agents.splitmix import below

LEAST_TRIALS = 5.0
"""Trades before a rule may take over others."""


@njit(cache=True)
def _fits(books, seen, seat, mask, tolerance, floor, closed, quotes, weights):  # type: ignore[no-untyped-def]
    """Whether a rule's price is that of the market wherever it would match with the condition `mask`, uint64 [W].

    closed: the market is closed to entrants, and what is not bought is not corrected either: it is then enough that the rule
    does not outbid the favourite where it is not the favourite itself. Cheap rules become general, and dear ones exceptions.
    """
    action, price = books.action[seat], books.price[seat]
    for i in range(seen.counts[0]):
        x = seen.words[i]
        inside = True
        for w in range(mask.shape[0]):
            inside = inside and (x[w] ^ books.value[w, seat]) & mask[w] == 0
        if inside:
            quote_prices(books, x, floor, quotes, weights)
            if closed and quotes[action] < quotes.max():
                if price >= quotes.max() - tolerance:
                    return False
            elif weights[action] == 0.0 or abs(quotes[action] - price) > tolerance:
                return False
    return True


@njit(cache=True)
def _absorb(books, seat, tolerance):  # type: ignore[no-untyped-def]
    """Rules of the same action and price whose condition is inside this one's hand over their wealth and leave."""
    words = books.mask.shape[0]
    for other in range(books.counts[TOP]):
        if other == seat or books.uid[other] < 0 or books.action[other] != books.action[seat]:
            continue
        if abs(books.price[other] - books.price[seat]) > tolerance:
            continue
        inside = True
        for w in range(words):
            inside = inside and books.mask[w, seat] & ~books.mask[w, other] == 0
            inside = inside and (books.value[w, seat] ^ books.value[w, other]) & books.mask[w, seat] == 0
        if inside:
            collect_tax(books, other)
            wealth = books.wealth[other]
            move_money(books, other, HOUSE, -wealth)
            move_money(books, seat, HOUSE, wealth)
            leave(books, other)


@njit(cache=True)
def take_over(books, seen, tolerance, floor, closed, quotes, weights, masks):  # type: ignore[no-untyped-def]
    """A rule drawn at random tries to drop each position that it names, from a random one on; then it absorbs."""
    if books.counts[ALIVE] == 0:
        return
    seat = below(books.random, books.counts[TOP])
    if books.uid[seat] < 0 or books.trials[seat] < LEAST_TRIALS:
        return
    collect_tax(books, seat)
    mask, positions, wider = masks[1], seen.counts[1], False
    for w in range(mask.shape[0]):
        mask[w] = books.mask[w, seat]
    start = below(books.random, positions)
    for step in range(positions):
        position = (start + step) % positions
        if has(mask, position):
            flip(mask, position)
            if _fits(books, seen, seat, mask, tolerance, floor, closed, quotes, weights):
                wider = True
            else:
                flip(mask, position)
    if not wider:
        return
    for w in range(mask.shape[0]):
        books.mask[w, seat] = mask[w]
        books.value[w, seat] &= mask[w]
    _absorb(books, seat, tolerance)
