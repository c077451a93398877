"""The providers that embedlake knows by itself: what a reference means, and the encoder for it."""

import contextlib
import math
from dataclasses import replace
from typing import Any
from urllib.parse import urldefrag

from tasks.config.api import Api, address
from tasks.config.loading import keep_secret, secret_from
from tasks.config.models import Model
from tasks.errors import ConfigurationError, ModelError
from tasks.models.api.azure import Azure
from tasks.models.api.batch_client import BATCH_WIRES, BatchApi
from tasks.models.api.bedrock import Bedrock
from tasks.models.api.bill import Bill
from tasks.models.api.client import Client
from tasks.models.api.cohere import Cohere
from tasks.models.api.encoder import ApiEncoder
from tasks.models.api.gallery import Gallery
from tasks.models.api.gemini import Gemini
from tasks.models.api.jina import Jina
from tasks.models.api.known import known
from tasks.models.api.limiter import Limiter
from tasks.models.api.minute import shared_minute
from tasks.models.api.mistral import Mistral
from tasks.models.api.openai import Compatible, OpenAI
from tasks.models.api.tei import Tei
from tasks.models.api.tokens import Counter
from tasks.models.api.voyage import Voyage
from tasks.models.api.wire import Asked, Limits, Wire
from tasks.models.resolved import ResolvedModel, Served
from tasks.models.scale import at_most
from tasks.models.takes import TEXT_ONLY, Takes
from tasks.secrets import redact, secret_named
from tasks.services import failed_answer, malformed, not_set_up, unreached

WIRES: dict[str, Wire] = {
    wire.name: wire
    for wire in (OpenAI(), Azure(), Bedrock(), Cohere(), Gemini(), Voyage(), Mistral(), Jina(), Tei(), Compatible())
}
_ONLY_LOCAL = {
    "sha256": None, "trust_remote_code": False, "backend": "auto", "precision": "auto", "int8": False,
    "pooling": "auto", "weighting": "none",
}  # fmt: skip
_SHARE_OF_A_MINUTE = 10  # of the tokens a minute, the part that one request has at most
_INFO_SECONDS = 10.0


class ApiProvider:
    """Finds and loads the models of one provider.

    Args:
        name: the first part of references to its models.
    """

    def __init__(self, name: str) -> None:
        self._wire = WIRES[name]

    def find(self, model: Model) -> Served:
        """A model by its provider, its name, and `hub_revision` or what a server tells of its weights; the address is
        no part of it, so that a server may move.

        Raises:
            ConfigurationError: the settings ask for what only a local model does, or give no address.
            ModelError: a server does not tell which model it has, or is not asked, as the key is not there.
        """
        _check(model)
        base, name = place_of(model)
        version = model.hub_revision or ""
        if self._wire.name == "tei":
            told = _info(base, self._wire.headers(key_of(model)))
            name, version = name or str(told.get("model_id")), version or str(told.get("model_sha") or "")
        elif not name:
            name = _only_model(base, self._wire.headers(key_of(model)), model.model)
        return Served(self._wire.name, name, version, _takes(self._wire, name))

    def load(self, model: ResolvedModel, budget: int | None) -> ApiEncoder:
        """What asks the service; `budget` is the tokens of a request at most."""
        assert isinstance(model.origin, Served)
        settings, name = model.settings, model.origin.name
        api = settings.api or Api.model_validate({})
        wire = self._wire.giving(settings.output)
        key, (base, _) = key_of(settings), place_of(settings)
        facts = known(self._wire.name, name)
        limits = self._wire.limits(name)
        if self._wire.name == "tei":
            limits = _told_limits(_info(base, self._wire.headers(key)), limits)
        limits = Limits(min(api.inputs or limits.inputs, 2048), limits.tokens, limits.text_tokens)
        limiter = Limiter(
            api.requests_per_minute, api.tokens_per_minute, api.concurrency, shared_minute(base, key, name)
        )
        bill = Bill(price_of(settings))
        asked = Asked(name, settings.dimension)
        client = Client(wire, asked, base, key, limiter, bill, api.seconds)
        client.dimension = settings.dimension or facts.dimension
        gallery = None
        if (sight := self._wire.sight(name)) is not None:
            asked, bill = replace(asked, pictures=True), bill.beside(image_price_of(settings))
            pictures = Client(wire, asked, base, key, limiter, bill, api.seconds)
            gallery = Gallery(wire, name, sight, pictures)
        share = api.tokens_per_minute // _SHARE_OF_A_MINUTE if api.tokens_per_minute else None
        suits = min((told for told in (budget, share) if told), default=None)
        counter = Counter(facts.tokenizer)
        return ApiEncoder(settings, name, wire, limits, client, counter, api.concurrency, suits, gallery)


def batch_api_of(model: ResolvedModel) -> BatchApi:
    """The Batch API of a model whose provider has one."""
    assert isinstance(model.origin, Served)
    settings, api = model.settings, model.settings.api or Api.model_validate({})
    asked = Asked(model.origin.name, settings.dimension)
    return BatchApi(WIRES[model.origin.provider], asked, place_of(settings)[0], key_of(settings), api.seconds)


def in_batches(model: Model) -> bool:
    """Whether a model's documents go into batches."""
    return model.api is not None and model.api.mode == "batch"


def batch_share(model: Model) -> float:
    """The part of a request's price that one in a batch costs; 1 of a model that is not asked in batches."""
    return BATCH_WIRES[model.model.partition(":")[0]].share if in_batches(model) else 1.0


def price_of(model: Model) -> float | None:
    """USD for a million tokens of a model; None where nobody knows. What a server of one's own has costs nothing."""
    provider, _, name = model.model.partition(":")
    if model.api and model.api.price is not None:
        return model.api.price
    if provider in WIRES and WIRES[provider].own_server:
        return 0.0
    return known(provider, name).price


def image_price_of(model: Model) -> float | None:
    """USD for a million tokens that images are billed with; None where nobody knows."""
    provider, _, name = model.model.partition(":")
    if model.api and model.api.image_price is not None:
        return model.api.image_price
    return known(provider, name).image_price


def picture_tokens_of(model: ResolvedModel, pixels: int) -> int:
    """What an image is billed with by a service that takes images, in tokens, about; 0 where nobody knows, as of a
    provider of one's own."""
    if not isinstance(model.origin, Served) or model.origin.provider not in WIRES:
        return 0
    side = max(math.isqrt(pixels), 1)
    most = model.takes.scale.most if model.takes.scale else None
    side = min(side, math.isqrt(most or side**2))
    return WIRES[model.origin.provider].picture_tokens(model.origin.name, side, side)


def place_of(model: Model) -> tuple[str, str]:
    """The address of a model's service, and the model's name there, which may be left open by a server of one's own.

    Raises:
        ConfigurationError: there is no address.
    """
    provider, _, rest = model.model.partition(":")
    wire = WIRES[provider]
    if wire.own_server:
        base, name = urldefrag(rest)
        try:
            return address(model.api.url if model.api and model.api.url else base), name
        except ValueError as error:
            raise ConfigurationError(
                f"model {redact(model.model)!r}: {error}", f"Write it as {provider}:http://HOST:PORT#MODEL."
            ) from None
    base = (model.api.url if model.api else None) or wire.url or wire.found()
    if not base:
        raise ConfigurationError(f"model {model.model!r} has no address", f"Give it: api: {{ url: {wire.example} }}")
    return base, rest


def key_of(model: Model) -> str | None:
    """The key that a model is asked with, hidden in every message from now on; None where it needs none.

    Raises:
        ModelError: it is not there.
    """
    api, provider = model.api, model.model.partition(":")[0]
    if api and api.secret:
        value = secret_named(api.secret)
        if value is None:
            raise ModelError(f"the Secret block {api.secret!r} can only be read where Prefect is")
        return keep_secret(value, f"the Secret block {api.secret}")
    named = api.key_env if api else None
    variable = named or ("" if api and api.url and WIRES[provider].url else WIRES[provider].key_env)
    key = secret_from(variable) if variable else None
    if variable and key is None:
        raise ModelError(
            f"the key of {model.model} is not there: the environment variable {variable} is not set",
            f"Set it (export {variable}=…), or name another with `api: {{ key_env: … }}`.",
        )
    return key


def see_key(model: Model) -> None:
    """See that a model can be asked, should it be one that a provider here has.

    Raises:
        ModelError: its key is not there.
    """
    if model.model.partition(":")[0] in WIRES:
        key_of(model)


def _takes(wire: Wire, name: str) -> Takes:
    """What a model takes: images no larger than its provider looks at, should it take some."""
    sight = wire.sight(name)
    if sight is None:
        return TEXT_ONLY
    return Takes(frozenset({"text", "image"}), math.isqrt(sight.pixels), scale=at_most(sight.pixels))


def _check(model: Model) -> None:
    """Refuse what only a local model does."""
    provider, _, name = model.model.partition(":")
    wrong = [setting for setting, default in _ONLY_LOCAL.items() if getattr(model, setting) != default]
    if wrong:
        raise ConfigurationError(
            f"model {model.model!r} is behind an API, and {wrong[0]!r} is for models on this machine", "Take it out."
        )
    if refusal := WIRES[provider].refusal(name):
        raise ConfigurationError(
            f"model {redact(model.model)!r} cannot be asked: {refusal}",
            "Put a LiteLLM proxy before it, and name that: openai-compatible:http://HOST:4000#NAME.",
        )
    offered = WIRES[provider].outputs(name)
    if model.output not in offered:
        others = f"only {' and '.join(offered)}" if len(offered) > 1 else "none but float"
        raise ConfigurationError(
            f"model {redact(model.model)!r} cannot be asked for `output: {model.output}`: of it there is {others}",
            "Take it out; `store: float16` halves the vectors of any model.",
        )
    if model.output != "float" and in_batches(model):
        raise ConfigurationError(
            f"model {model.model!r} cannot have `output: {model.output}` and `mode: batch` together", "Take one out."
        )
    if in_batches(model) and provider not in BATCH_WIRES:
        raise ConfigurationError(
            f"model {model.model!r} cannot be asked in batches: only {', '.join(BATCH_WIRES)} can",
            "Take out `mode: batch`.",
        )
    if model.dimension and known(provider, name).fixed and model.dimension != known(provider, name).dimension:
        raise ConfigurationError(
            f"model {model.model!r} has vectors of {known(provider, name).dimension} numbers, and no shorter ones",
            "Take out `dimension`.",
        )


def _info(base: str, headers: dict[str, str]) -> dict[str, Any]:
    """What text-embeddings-inference says of itself."""
    told = _fetched("tei", f"{base}/info", headers)
    if not isinstance(told.get("model_id"), str):
        raise malformed("tei", "/info has no model_id")
    return told


def _told_limits(info: dict[str, Any], otherwise: Limits) -> Limits:
    def number(name: str, default: int) -> int:
        told = info.get(name)
        return told if type(told) is int and told > 0 else default

    return Limits(
        number("max_client_batch_size", otherwise.inputs),
        None,  # a server cuts batches by itself
        number("max_input_length", otherwise.text_tokens),
    )


def _only_model(base: str, headers: dict[str, str], reference: str) -> str:
    """The model of a server that has one.

    Raises:
        ModelError: it has several.
    """
    data = _fetched("openai-compatible", f"{base}/models", headers).get("data")
    names = [str(one["id"]) for one in data if isinstance(one, dict) and "id" in one] if isinstance(data, list) else []
    if len(names) != 1:
        raise ModelError(
            f"the server of {reference} has {len(names) or 'no'} models: {', '.join(names[:10])}",
            f"Name one: {reference}#MODEL",
        )
    return names[0]


def _fetched(service: str, url: str, headers: dict[str, str]) -> dict[str, Any]:
    """An object that a service gives at an address.

    Raises:
        ServiceError: it does not.
    """
    import httpx

    try:
        answer = httpx.get(url, headers=headers, timeout=_INFO_SECONDS)
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        raise unreached(f"{service} at {url}", error) from None
    except (ValueError, ImportError) as error:
        raise not_set_up(service, error) from None
    if answer.status_code >= 300:
        raise failed_answer(f"{service} at {url}", answer.status_code, answer.headers, answer.content)
    with contextlib.suppress(ValueError):
        told = answer.json()
        if isinstance(told, dict):
            return told
    raise malformed(service, f"{url} has no object")
