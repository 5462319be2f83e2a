"""The run's market as it stood at its newest checkpoint: who says what each agent does."""

import contextlib

from marketic.dashboard.feed import Feed, Stamps, stamps
from marketic.errors import InputError
from marketic.market import Market
from marketic.run_market import load_of_run
from marketic.vocabulary.programs import program
from marketic.vocabulary.words_of import words_of
from marketic.words import NO_WORDS


class Books:
    """feed: the run. market: the newest one that could be read; None if there is none, and `why` says why."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.market: Market | None = None
        self.why = ""
        self._read: Stamps = ()

    def renew(self) -> None:
        """Read the newest checkpoint if it is another one than before; a run that was started afresh has none yet."""
        try:
            file = self.feed.run.market_file()
        except InputError as error:
            self._replace(None, ())
            self.why = str(error)
            return
        read = stamps([file])
        if read == self._read:
            return
        try:
            self._replace(load_of_run(file), read)
        except InputError as error:  # removed while we read, or parts of the user's own
            self.why = str(error)

    def _replace(self, market: Market | None, read: Stamps) -> None:
        former, self.market, self._read = self.market, market, read
        if former is not None:
            with contextlib.suppress(Exception):  # the environment's own business: it is not used any more
                former.env.close()

    def program(self, account: int) -> str:
        """An agent's rule in words; a sentence where it is not known."""
        if account in self.feed.gone:
            return f"{self.feed.gone[account]} (has left the market)"
        if self.market is None:
            return f"its program is not known: {self.why or 'no checkpoint yet'}"
        agent = (self.market.accounts == account).nonzero()[0]
        if not len(agent):
            return "it had left the market by the newest checkpoint, or had not entered"
        return (
            program(self.market, int(agent[0]), words_of(self.market) or NO_WORDS) or "its family cannot say its rule"
        )
