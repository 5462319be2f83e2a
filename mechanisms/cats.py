"""Auctions in the file format of the Combinatorial Auction Test Suite (Leyton-Brown, Pearson and Shoham 2000).

    % a comment
    goods 3
    bids 2
    dummy 1
    0   12.5   0 1 3   #
    1   9      2 3     #

A line holds a bid's number, its price and the goods that it wants. Goods numbered from `goods` on are dummies: they exist only
to make bids exclude each other (OR*), which two bids do that want the same dummy.
"""

from pathlib import Path

import numpy as np

from marketic.bundle_bids import BundleBids
from marketic.errors import InputError


def read_cats(path: str | Path) -> BundleBids:
    """One auction from a file: OR* bids value [n, k], bundle [n, k, goods + dummies].

    Bids that share dummies, directly or through others, are one bidder's; a bid without dummies is a bidder of its own.
    Bidders come in the order of their first bids. Raises InputError for a file that is not in this format.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from None
    sizes, bids = _parse(text, str(path))
    goods, dummies = sizes["goods"], sizes.get("dummy", 0)
    owner = _owners([[good for good in wanted if good >= goods] for _, wanted in bids])
    n = max(owner, default=-1) + 1
    place: list[int] = []
    count = [0] * n
    for who in owner:
        place.append(count[who])
        count[who] += 1
    shape = (n, max(count, default=0))
    value, offered = np.zeros(shape), np.zeros(shape, dtype=bool)
    bundle = np.zeros((*shape, goods + dummies), dtype=bool)
    for who, j, (price, wanted) in zip(owner, place, bids, strict=True):
        value[who, j], offered[who, j] = price, True
        bundle[who, j, wanted] = True
    return BundleBids(value, bundle, offered=offered, exclusive=False)


def _parse(text: str, name: str) -> tuple[dict[str, int], list[tuple[float, list[int]]]]:
    sizes: dict[str, int] = {}
    bids: list[tuple[float, list[int]]] = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split("%")[0].replace("#", " ").split()
        if not words:
            continue
        try:
            if words[0] in ("goods", "bids", "dummy"):
                sizes[words[0]] = int(words[1])
            else:
                int(words[0])
                bids.append((float(words[1]), [int(word) for word in words[2:]]))
        except (ValueError, IndexError):
            raise InputError(f"{name}, line {number}: {line!r}: wanted a bid's number, its price and goods") from None
    if "goods" not in sizes or sizes["goods"] < 0 or sizes.get("dummy", 0) < 0:
        raise InputError(f"{name}: wanted a line with the number of goods, e.g. 'goods 3'")
    if sizes.get("bids", len(bids)) != len(bids):
        raise InputError(f"{name}: holds {len(bids)} bids, but says that there are {sizes['bids']}")
    known = sizes["goods"] + sizes.get("dummy", 0)
    for j, (_, wanted) in enumerate(bids):
        if not all(0 <= good < known for good in wanted):
            raise InputError(f"{name}: bid {j} wants {wanted}: goods and dummies are numbered from 0 to {known - 1}")
    return sizes, bids


def _owners(dummies: list[list[int]]) -> list[int]:
    """The bidder behind each bid: one for all bids that are connected by dummies."""
    parent: dict[int, int] = {}

    def root(of: int) -> int:
        while parent.setdefault(of, of) != of:
            of = parent[of]
        return of

    for mine in dummies:
        for other in mine[1:]:
            parent[root(other)] = root(mine[0])
    seen: dict[int, int] = {}
    owner = []
    for j, mine in enumerate(dummies):
        key = root(mine[0]) if mine else -1 - j
        owner.append(seen.setdefault(key, len(seen)))
    return owner
