"""What every part of a corpus file has in common."""

import re
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetJsonSchemaHandler
from pydantic_core import CoreSchema

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=64)]


def _variable(value: str) -> str:
    if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", value):  # it may be a key, so no message shows it
        raise ValueError("expected the name of an environment variable that holds the key, not a key")
    return value


Variable = Annotated[str, AfterValidator(_variable)]


class Settings(BaseModel):
    """The base of every part of a corpus file: an unknown key is an error, nothing changes later."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    hashed_always: ClassVar[frozenset[str]] = frozenset()
    """Fields that were part of an identity when every field was, whatever it said."""
    hashed_never: ClassVar[frozenset[str]] = frozenset()
    """Fields that change nothing that is kept, or enter an identity in another way."""

    def identity(self) -> dict[str, Any]:
        """What enters a hash: the fields that differ from their default. So a new one changes no hash."""
        fields = type(self).model_fields
        told = [
            name
            for name in fields
            if name not in self.hashed_never
            and (
                name in self.hashed_always or getattr(self, name) != fields[name].get_default(call_default_factory=True)
            )
        ]
        return self.model_dump(include=set(told))


class ShortForm(Settings):
    """A part that may be written as one string."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [{"type": "string"}, handler(core)]}
