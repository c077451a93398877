"""What a run pays for a model, and what it may pay."""

from dataclasses import dataclass, field
from threading import RLock

from tasks.errors import BudgetSpent, ConfigurationError, ModelError

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
        self.tokens = 0
        self._reserved = 0
        self._purse = _Purse([self])

    def beside(self, price: float | None) -> "Bill":
        """A bill of other tokens, as of images, that have another price and are paid out of the same budget."""
        other = Bill(price)
        other._purse = self._purse
        self._purse.bills.append(other)
        return other

    @property
    def cost(self) -> float | None:
        """USD, with what stands on bills beside it; None where a price is not known."""
        costs = [bill.cost_of(bill.tokens) for bill in self._purse.bills if bill is self or bill.tokens]
        return None if None in costs else sum(cost or 0.0 for cost in costs)

    def cost_of(self, tokens: int) -> float | None:
        """USD of so many tokens."""
        return None if self.price is None else tokens * self.price / _MILLION

    @property
    def left(self) -> float | None:
        """USD that may still be paid; None for any sum."""
        budget = self._purse.budget
        return None if budget is None else max(budget - (self.cost or 0.0), 0.0)

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
        with self._purse.lock:
            self._purse.budget = None if budget is None else budget + (self.cost or 0.0)

    def check(self, tokens: int) -> None:
        """See that so many tokens more may be paid for.

        Raises:
            BudgetSpent: they might cost more than is left.
            ModelError: nobody knows what they cost, and there is a budget.
        """
        budget = self._purse.budget
        if budget is None:
            return
        if self.price is None:
            raise ModelError(
                "the corpus file has a `budget`, and nobody knows what images cost its model",
                "Say it, in USD for a million tokens: api: { image_price: 0.5 }",
            )
        reserved = sum(bill.cost_of(bill._reserved) or 0.0 for bill in self._purse.bills)
        if (self.cost or 0.0) + reserved + tokens * self.price / _MILLION > budget:
            raise BudgetSpent(
                f"the budget is used up: {self.cost or 0:,.4f} USD were paid, and the next request might cost more"
                " than is left",
                "What was embedded is landed. Raise `budget` and run again: it goes on from here.",
            )

    def reserve(self, tokens: int) -> None:
        """Take so many tokens to be paid for.

        Raises:
            BudgetSpent: they might cost more than is left.
            ModelError: nobody knows what they cost, and there is a budget.
        """
        with self._purse.lock:
            self.check(tokens)
            self._reserved += tokens

    def settle(self, reserved: int, paid: int) -> None:
        """Tokens that were reserved have this many as their outcome; 0 where nothing was paid."""
        with self._purse.lock:
            self._reserved -= reserved
            self.tokens += paid


@dataclass(eq=False)
class _Purse:
    """What bills have in common: the USD that may be paid in all."""

    bills: list[Bill]
    budget: float | None = None
    lock: RLock = field(default_factory=RLock)
