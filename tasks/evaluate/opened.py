"""A lake that is searched as everybody searches it, and that also tells which table and model answer."""

from tasks.models.interface import Encoder
from tasks.search.query import OpenLake


class Opened(OpenLake):
    """An open lake."""

    def encoder(self, model: str | None = None) -> Encoder:
        """What embeds under a model; the live one by default.

        Raises:
            ConfigurationError: there is no such model in the lake.
            ModelError: the model cannot be loaded, or is not the one that filled the table.
        """
        return self._encoder(self.entry(model))
