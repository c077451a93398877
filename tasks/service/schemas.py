"""What the service takes and gives."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from tasks.search.options import Modality
from tasks.search.retrieve import Way


class Taken(BaseModel):
    """What a client sends: an unknown key is an error, and so is a value of another type."""

    model_config = ConfigDict(extra="forbid", strict=True)


Query = Annotated[str, Field(min_length=1, pattern=r"\S")]
Queries = Query | Annotated[list[Query], Field(min_length=1)]
Id = Annotated[str, Field(min_length=1)]

Where = Annotated[
    Annotated[str, Field(max_length=10_000)] | dict[str, Any] | None,
    Field(description='SQL over the columns, such as year >= 2020; or values, such as {"year": {"gte": 2020}}.'),
]


class BoostBy(Taken):
    """Scores raised by a number or a date of the metadata."""

    field: str = Field(description="A field of type integer, number, date or datetime.")
    weight: Annotated[float, Field(gt=0, le=10)] = Field(0.2, description="By so large a share at most.")
    half_life: Annotated[float, Field(gt=0, le=1e6)] | None = Field(
        None, description="Of a date, in days: at that age it raises half as much as today."
    )


class SearchRequest(Taken):
    """A search."""

    query: Queries = Field(description="A question or a few words, or several, each with its own answer.")
    corpus: str | Annotated[list[str], Field(min_length=1, max_length=100)] | None = Field(
        None,
        description="Name of the corpus, or of several of one model for one list of them all; may be left out where"
        " only one is served.",
    )
    limit: Annotated[int, Field(ge=1, le=1000)] = Field(5, description="Most passages for a query.")
    offset: Annotated[int, Field(ge=0, le=10_000)] = Field(0, description="Passages of the pages before.")
    where: Where = None
    by: Way | None = Field(None, description="By meaning, by words, or by both; by default as the corpus file says.")
    weight: Annotated[float, Field(ge=0, le=1)] | None = Field(
        None, description="Of meaning against words in a hybrid search."
    )
    per_document: Annotated[int, Field(ge=1, le=1000)] | None = Field(None, description="Most passages of a document.")
    min_score: float | None = Field(None, description="Leave out passages with a lower score.")
    context: Annotated[int, Field(ge=0, le=20)] = Field(0, description="Chunks around each passage that join it.")
    boost: list[BoostBy] = Field([], max_length=10, description="What raises the scores of the best hundred.")
    diverse: Annotated[float, Field(ge=0, le=1)] = Field(
        0.0, description="How much it counts that a passage is unlike those above it (maximal marginal relevance)."
    )
    modality: Modality | None = Field(
        None, description="Only text, only images, or only sound; by default all in one list."
    )
    expand: bool = Field(
        False,
        description="Look for words too that are near the query's, at a lower weight, by the corpus's word vectors.",
    )
    model: str | None = Field(None, description="Another model than the live one.")


class SimilarRequest(Taken):
    """A search for more like this: like a document, a chunk or a text."""

    id: Id | None = Field(None, description="A document id or a chunk id, as a search shows it.")
    text: Annotated[str, Field(max_length=100_000, pattern=r"\S")] | None = Field(
        None, description="A text, instead of an id."
    )
    corpus: str | None = Field(None, description="Name of the corpus; may be left out where only one is served.")
    limit: Annotated[int, Field(ge=1, le=1000)] = Field(5, description="Most passages.")
    offset: Annotated[int, Field(ge=0, le=10_000)] = Field(0, description="Passages of the pages before.")
    where: Where = None
    per_document: Annotated[int, Field(ge=1, le=1000)] = Field(1, description="Most passages of a document.")
    min_score: float | None = Field(None, description="Leave out passages with a lower score.")
    context: Annotated[int, Field(ge=0, le=20)] = Field(0, description="Chunks around each passage that join it.")
    model: str | None = Field(None, description="Another model than the live one.")


class NearWord(BaseModel):
    """A word and how near it is."""

    word: str
    cosine: float


class NearWords(BaseModel):
    """The words nearest to one."""

    word: str
    known: bool = Field(description="Whether it has a vector.")
    nearest: list[NearWord]


class FoundWider(BaseModel):
    """A word that was looked for beside the query's."""

    word: str
    beside: str = Field(description="The query's word that it is near.")
    cosine: float
    weight: float = Field(description="How much it counts, where a query's own word counts 1.")


class FoundPassage(BaseModel):
    """A passage that a search found."""

    rank: int
    score: float
    scores: dict[str, dict[str, float]]
    document_id: str
    title: str | None
    uri: str
    headings: list[str]
    start: int
    end: int
    page: int | None
    text: str
    metadata: dict[str, Any]
    chunk_id: str
    corpus: str
    modality: str = "text"
    region: list[int] | None = Field(None, description="Of an image: left, top, right and bottom in pixels.")
    reference: str | None = Field(
        None, description="Of an image, a sound or subtitles: where it is, with a media fragment."
    )
    time: list[int] | None = Field(None, description="Of sound, films and subtitles: from and to in milliseconds.")


class Answer(BaseModel):
    """What was found for one query."""

    query: str
    passages: list[FoundPassage]
    note: str = Field("", description="That the table is behind its sources, or why nothing was reranked.")
    expanded: list[FoundWider] = Field([], description="What was looked for too, where `expand` asked for it.")


class SimilarResponse(BaseModel):
    """What is like it."""

    corpus: str
    passages: list[FoundPassage]
    note: str = Field("", description="That the table is behind its sources.")
    milliseconds: float
    request_id: str


class SearchResponse(BaseModel):
    """What was found."""

    corpus: str | list[str]
    results: list[Answer]
    milliseconds: float
    request_id: str


class ServedCorpus(BaseModel):
    """A corpus that is served."""

    name: str
    model: str | None
    table: str | None
    rows: int
    ready: bool
    problem: str


class Health(BaseModel):
    """Whether the process lives, or answers."""

    status: Literal["ok", "not ready"]
    corpora: list[str]


class Problem(BaseModel):
    """What is wrong, as OpenAI's clients read it too."""

    message: str
    type: str
    param: str | None
    code: str | None
    hint: str
    request_id: str


class ErrorResponse(BaseModel):
    """An error."""

    error: Problem


class EmbeddingsRequest(BaseModel):
    """As of OpenAI's `/v1/embeddings`; what has no meaning here is let pass."""

    input: Queries = Field(description="Queries to embed.")
    model: str = Field(description="Name of a corpus, for its live model, or of a model of one.")
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = Field(None, ge=1, description="Refused where the model has others.")
    user: str | None = None


class Embedding(BaseModel):
    """A vector."""

    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str


class Usage(BaseModel):
    """Tokens."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingsResponse(BaseModel):
    """Vectors in the order of the queries."""

    object: Literal["list"] = "list"
    data: list[Embedding]
    model: str
    usage: Usage


class RankingOptions(BaseModel):
    """As OpenAI has them; only the threshold counts here."""

    ranker: str | None = None
    score_threshold: float | None = None


class VectorStoreSearchRequest(BaseModel):
    """As of OpenAI's `/v1/vector_stores/{id}/search`."""

    query: Queries
    max_num_results: Annotated[int, Field(ge=1, le=50)] = 10
    filters: dict[str, Any] | None = Field(
        None, description="A comparison {type, key, value}, or {type: and|or, filters: [...]}."
    )
    ranking_options: RankingOptions | None = None
    rewrite_query: StrictBool | None = None


class Content(BaseModel):
    """A passage's text."""

    type: Literal["text"] = "text"
    text: str


class StoreHit(BaseModel):
    """A passage, as a part of a file."""

    file_id: str
    filename: str
    score: float
    attributes: dict[str, str | float | bool]
    content: list[Content]


class VectorStoreSearchResponse(BaseModel):
    """Passages, best first."""

    object: Literal["vector_store.search_results.page"] = "vector_store.search_results.page"
    search_query: list[str]
    data: list[StoreHit]
    has_more: bool = False
    next_page: str | None = None
