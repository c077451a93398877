"""The part of a corpus file that names a model, and how it is run."""

import json
import re
from string import Formatter
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from tasks.config.api import Api
from tasks.config.part import Name, ShortForm

TEMPLATES = {"text": "{text}", "headings": "{title}\n{headings}\n\n{text}"}
"""Templates that have a name."""

Index = Literal["rabitq", "int8", "flat"]
Output = Literal["float", "int8", "binary"]


class Model(ShortForm):
    """A model that embeds the corpus; it gets a table of its own."""

    hashed_always = frozenset({"dimension", "normalize", "document_prompt", "max_tokens", "int8"})
    hashed_never = frozenset(  # not of what decides a document's vector
        {
            "model", "name", "hub_revision", "sha256", "query_prompt", "trust_remote_code", "backend", "precision",
            "index", "api",
        }
    )  # fmt: skip

    model: str = Field(
        min_length=1,
        description="A hub name (org/name), a local folder or file of word vectors (./path, /path), or package:NAME for"
        " an installed one; or a model behind an API: openai:, azure:, bedrock:, cohere:, gemini:, voyage:, mistral: or"
        " jina: and its name there, tei:http://…, openai-compatible:http://…#NAME.",
    )
    name: Name = Field("", validate_default=False, description="Name of its table; from the model by default.")
    hub_revision: str | None = Field(
        None,
        description="Branch, tag or commit on the hub. Without it, the commit of the model's table that is live, or"
        " else was filled first, stays in use. Of a model behind an API any word: another one gets a table of its own.",
    )
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = Field(
        None, description="SHA-256 of a file of weights, as the hub shows it; a model with others is refused."
    )
    dimension: int | None = Field(None, gt=0, description="Cut vectors to this length (Matryoshka models).")
    normalize: bool = Field(True, description="Scale every vector to length 1; false leaves it as the model gives it.")
    query_prompt: str | None = Field(None, description="Put before a query; the model's own by default.")
    document_prompt: str | None = Field(None, description="Put before a document; the model's own by default.")
    template: str = Field(
        "headings",
        description="What is embedded of a chunk. headings: its document's title and its heading path before its text;"
        " text: its text alone; or a format of your own with {text}, and {title} and {headings} as you like. Headings"
        " have a line each; lines that would be empty are left out; title and headings have 256 bytes together.",
    )
    weighting: Literal["none", "sif", "idf"] = Field(
        "none",
        description="How much each word counts in the mean of word vectors. sif: 0.001 / (0.001 + p), p being its share"
        " of all words by the file's counts, or where it has none by its place in the file (Zipf's law); idf: -log p."
        " Both take out the direction that the file's commonest words share.",
    )
    max_tokens: int | None = Field(None, gt=0, description="Read at most this many tokens; the model's own by default.")
    pooling: Literal["auto", "mean", "cls", "max", "lasttoken"] = Field(
        "auto",
        description="What one vector is made of, for a model whose files do not say it, as those of transformers alone:"
        " all parts of a text, an image or a sound, or its first or last. auto: mean; the last token of a decoder.",
    )
    trust_remote_code: bool = Field(False, description="Run Python code that comes with the model.")
    backend: Literal["auto", "torch", "openvino"] = Field(
        "auto", description="What runs it; auto: torch on a GPU, OpenVINO on a CPU where it gives the same vectors."
    )
    precision: Literal["auto", "float32"] = Field(
        "auto", description="auto: half precision where the processor has it (cosine to float32 0.999 or more)."
    )
    int8: bool = Field(
        False, description="Run it in int8 on the CPU: faster, a little less exact; gets a table of its own."
    )
    index: Index = Field(
        "rabitq",
        description="What the vector index of a large table keeps of each number: rabitq: four bits; int8: a byte;"
        " flat: all of it. The nearest by the index are compared by their true vectors.",
    )
    store: Literal["float32", "float16"] = Field(
        "float32", description="Numbers of the vectors in its table; float16 halves it, and gets a table of its own."
    )
    output: Output = Field(
        "float",
        description="What numbers a service is asked for, where it has others than float: int8, or binary, a bit each,"
        " which are kept as 1 and -1. Its answers are smaller, and vectors a little less exact; gets a table of its"
        " own.",
    )
    api: Api | None = Field(None, description="How it is asked, where it is behind an API.")

    @model_validator(mode="after")
    def _no_number_is_too_large(self) -> "Model":
        if self.store == "float16" and not self.normalize:
            raise ValueError("store: float16 needs vectors of length 1; take out normalize: false")
        return self

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        if isinstance(value, str):
            value = {"model": value}
        if isinstance(value, dict) and isinstance(value.get("model"), str) and not value.get("name"):
            value = {**value, "name": table_name_of(value["model"])}
        return value

    @field_validator("template")
    @classmethod
    def _has_text(cls, value: str) -> str:
        try:
            parts = [
                (name, form, how)
                for _, name, form, how in Formatter().parse(TEMPLATES.get(value, value))
                if name is not None
            ]
        except ValueError as error:
            raise ValueError(f"not a format: {error}; write {{{{ and }}}} for braces") from None
        names = [name for name, _, _ in parts]
        if (
            names.count("text") != 1
            or not {*names} <= {"title", "headings", "text"}
            or any(f or h for _, f, h in parts)
        ):
            raise ValueError(
                f"expected {', '.join(TEMPLATES)}, or a format with {{text}} once, and {{title}} and {{headings}}"
            )
        return next((short for short, form in TEMPLATES.items() if form == value), value)

    def identity(self) -> dict[str, Any]:
        """What enters a hash. Tables of texts alone are older than templates, whatever the default is."""
        template = {} if self.template == "text" else {"template": self.template}
        return {name: told for name, told in super().identity().items() if name != "template"} | template

    def asked_as(self, named: "Model") -> "Model":
        """The model, asked as another one of the same provider is: where and with which key; as it was, if the other
        one's provider is another, which must not see that key."""
        same = self.model.partition(":")[0] == named.model.partition(":")[0]
        return self.model_copy(update={"api": named.api}) if same else self


def kept_model(settings: str) -> Model:
    """A model's settings as JSON, as a catalog keeps them. Where they say nothing of a template, as an older embedlake
    wrote them, texts were embedded alone."""
    return Model.model_validate({"template": "text", **json.loads(settings)})


def table_name_of(model: str) -> str:
    """A table's name for a model: the last part of its reference, in letters, digits, _ and -; of the only model of a
    server, the protocol's name."""
    protocol, at, place = model.partition(":http")
    if at:
        model = place.partition("#")[2] or protocol
    last = model.removeprefix("package:").rstrip("/").rsplit("/", 1)[-1]
    return re.sub(r"[^A-Za-z0-9_-]+", "-", last).strip("-_").lower() or "model"
