"""What a run pays for a model, and what it may pay."""

from threading import Lock

from tasks.errors import BudgetSpent, ConfigurationError

_MILLION = 1e6


class Bill:
    """Adds up tokens and money, for many threads.

    Args:
        price: USD for a million tokens; None where it is not known.

    Attributes:
        price: as given.
        tokens: that were paid for; what the service did not say is estimated.
    """

    def __init__(self, price: float | None = None) -> None:
        self.price = price
        self._budget: float | None = None
        self._lock = Lock()
        self._reserved = 0
        self.tokens = 0

    @property
    def cost(self) -> float | None:
        """USD; None where the price is not known."""
        return self.cost_of(self.tokens)

    def cost_of(self, tokens: int) -> float | None:
        """USD of so many tokens."""
        return None if self.price is None else tokens * self.price / _MILLION

    @property
    def left(self) -> float | None:
        """USD that may still be paid; None for any sum."""
        return None if self._budget is None else max(self._budget - (self.cost or 0.0), 0.0)

    def limit(self, budget: float | None) -> None:
        """Let no more than so many USD be paid from now on; None for any sum.

        Raises:
            ConfigurationError: the price is not known.
        """
        if budget is not None and self.price is None:
            raise ConfigurationError(
                "the corpus file has a `budget`, and nobody knows what one of its models costs",
                "Say it, in USD for a million tokens: api: { price: 0.02 }",
            )
        with self._lock:
            self._budget = None if budget is None else budget + (self.cost or 0.0)

    def check(self, tokens: int) -> None:
        """See that so many tokens more may be paid for.

        Raises:
            BudgetSpent: they might cost more than is left.
        """
        total = self.tokens + self._reserved + tokens
        if self._budget is not None and total * (self.price or 0) / _MILLION > self._budget:
            raise BudgetSpent(
                f"the budget is used up: {self.cost or 0:,.4f} USD were paid, and the next request might cost more"
                " than is left",
                "What was embedded is landed. Raise `budget` and run again: it goes on from here.",
            )

    def reserve(self, tokens: int) -> None:
        """Take so many tokens to be paid for.

        Raises:
            BudgetSpent: they might cost more than is left.
        """
        with self._lock:
            self.check(tokens)
            self._reserved += tokens

    def settle(self, reserved: int, paid: int) -> None:
        """Tokens that were reserved have this many as their outcome; 0 where nothing was paid."""
        with self._lock:
            self._reserved -= reserved
            self.tokens += paid
