"""What an error of an embedding service means: for a text, a request, a while, or the run as a whole.

| kind | told by | raised |
|---|---|---|
| of one text | a filter, a text that is too long | `RefusedChunk`, `TooLong` |
| of a request | 413, too many texts or tokens | `OversizedBatch` |
| passing | 429, 5xx, 408, no answer | `ServiceError`, transient |
| of the whole | 401, 403, a quota that is spent, no such model | `ServiceError` |
| unknown | any other 4xx | `RejectedRequest`: tasks.embed.trials finds out whose fault it is |

A request with several texts of which one is at fault is cut in halves by whoever asked.
"""

import re
from collections.abc import Mapping

from tasks.errors import OversizedBatch, RefusedChunk, ServiceError
from tasks.services import failed_answer, what_it_says

_QUOTA = re.compile(
    r"insufficient_quota|exceeded your current quota|out of credit|insufficient (funds|balance|credits)"
    r"|payment required|quota.{0,40}(exhausted|exceeded).{0,80}(per day|perday|daily|month)|trial key.{0,120}month",
    re.I | re.S,
)
"""Of messages that ask for money: those about a rate name a page about billing too."""
_MODEL = re.compile(
    r"model_not_found|deploymentnotfound|(model|deployment).{0,120}(not found|does not exist|no longer(?! than)"
    r"|deprecated|retired|unknown|is not supported)|(invalid|unknown|unsupported|no such) model",
    re.I | re.S,
)
_FILTER = re.compile(
    r"content[_ ]filter|content management policy|content policy|safety (filter|setting)|prohibited", re.I
)
_MANY = re.compile(
    r"too many (tokens|inputs|texts)|tokens per request|max(imum)? (allowed )?batch size|batch size \d+ >"
    r"|split into more batches|array too long|maximum item count|at most \d+ (texts|requests|inputs|items|elements)"
    r"|(number|total number) of (texts|inputs|tokens|requests)|max allowed tokens per submitted batch"
    r"|batch.{0,30}too large",
    re.I,
)
_LONG = re.compile(
    r"maximum context length|context length|must have less than \d+ tokens|too long|too many tokens"
    r"|exceed\w*.{0,60}(token|length|limit)|max(imum)?.{0,30}(input|token|length)|longer than|supports up to \d+"
    r"|reduce (your|the) (prompt|input)",
    re.I | re.S,
)


class TooLong(RefusedChunk):
    """A text is longer than the model reads; the service does not cut it."""


class RejectedRequest(Exception):
    """A service does not take a request, and does not say why in words that are known."""


def fault_of(service: str, status: int, headers: Mapping[str, str], body: bytes, count: int) -> Exception:
    """What an answer with a status of 300 or more means.

    Args:
        service: the provider's name.
        status, headers, body: of the answer.
        count: of texts in the request.
    """
    text = body.decode("utf-8", "replace")
    told = what_it_says(body)
    if status == 402 or (status in (403, 429) and _QUOTA.search(text)):
        return ServiceError(
            f"{service}: the quota or the credit of this key is spent (HTTP {status}){told}",
            "Raise it with the provider, then run again: what was embedded is landed and is not paid twice.",
        )
    if status == 408:
        return ServiceError(f"{service} took too long (HTTP 408){told}", "Try again later.", True)
    if status not in (400, 404, 410, 413, 422):
        return failed_answer(service, status, headers, body)
    if _FILTER.search(text):
        return RefusedChunk(f"{service} refuses the text{told}", "Its filter does not let it through.")
    if _MODEL.search(text) or (status in (404, 410)):
        return ServiceError(
            f"{service} has no such model (HTTP {status}){told}",
            "Correct its name, or the service's address, or take another model: embedlake backfill fills a table of its"
            " own for it.",
        )
    if count > 1 and (status == 413 or _MANY.search(text) or _LONG.search(text)):
        return OversizedBatch(f"{service} does not take {count} texts at once{told}")
    if status == 413 or _LONG.search(text) or _MANY.search(text):
        return TooLong(
            f"longer than {service}'s model reads{told}", "Lower `chunking: size`, or the model's `max_tokens`."
        )
    return RejectedRequest(f"{service} does not take the request (HTTP {status}){told}")
