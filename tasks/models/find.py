"""Finding a model: from a reference to a folder on this machine, and to the revision that names its table."""

import importlib.util
import json
import socket
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

from tasks.config.models import Model, kept_model
from tasks.errors import ModelError
from tasks.hashing import hash_settings
from tasks.models.located import has_weights, identity_at, is_static, is_words, table_in, weights_at
from tasks.models.providers import provider_of
from tasks.models.resolved import ResolvedModel, Served, Weights
from tasks.models.takes import TEXT_ONLY, Takes, remembered, says_text
from tasks.models.weights import file_hash, folders_of, former_identity
from tasks.models.word_files import form_of

_PATTERNS = ["*.json", "*.txt", "*.model", "*.py", "*.safetensors"]
_WHERE = ("model", "hub_revision", "trust_remote_code", "api")  # of settings, those that say where a model is


_VERSIONS = {"static": 1, "transformer": 1, "words": 1}
"""Of what runs each kind of model. Raised where it gives other vectors than before: they get a table of their own."""


def resolve_model(model: Model) -> ResolvedModel:
    """The model's files, fetched from the hub where it has to be asked; or what its provider says of it. The settings
    of one from the hub name its commit from here on.

    Raises:
        ModelError: there is no such model, or it cannot be fetched.
    """
    provider = provider_of(model.model)
    origin = provider.find(model) if provider else _weights_of(model)
    if isinstance(origin, Weights) and origin.commit:
        model = model.model_copy(update={"hub_revision": origin.commit})
    return ResolvedModel(model, origin, revision_of(origin, model))


def revision_of(origin: Weights | Served, settings: Model) -> str:
    """The hash of what decides a model's vectors: its origin, what runs it, and its settings."""
    kind = {} if isinstance(origin, Served) else _kind(origin.folder)
    return hash_settings({**origin.identity(), **kind, **settings.identity()})


def former(model: ResolvedModel) -> ResolvedModel:
    """A model under the revision that an older embedlake gave it."""
    if isinstance(model.origin, Served):
        return model
    origin = replace(model.origin, hash=former_identity(model.origin.folder))
    return replace(model, revision=revision_of(origin, model.settings))


def _kind(folder: Path) -> dict[str, int]:
    """What runs a model, where not the first version of it does."""
    kind = "words" if is_words(folder) else "static" if is_static(folder) else "transformer"
    version = _VERSIONS[kind]
    if kind == "static" and has_weights(folder):
        version += 1  # the first one left them out
    return {kind: version} if version > 1 else {}


def _weights_of(model: Model) -> Weights:
    folder = find_model(model.model, model.hub_revision)
    if not model.trust_remote_code and any(folder.glob("**/*.py")) and _wants_code(folder):
        raise ModelError(
            f"model {model.model!r} comes with Python code of its own",
            "If you trust it, set `trust_remote_code: true` for this model in the corpus file.",
        )
    _check_weights(model, folder)
    _check_settings(model, folder)
    weights = Weights(folder, identity_at(folder), _commit_of(folder))
    return replace(weights, takes=_takes_of(model, weights))


def _takes_of(model: Model, weights: Weights) -> Takes:
    """What a model takes. One whose files say that it may take more than text is loaded for it once.

    Raises:
        ModelError: it cannot be loaded.
    """
    place = weights.folder
    if is_words(place) or is_static(place) or says_text(folders_of(place)):
        return TEXT_ONLY

    def look() -> dict[str, Any]:
        from tasks.models.inputs import takes_of
        from tasks.models.torch_backend import load_model

        return takes_of(load_model(ResolvedModel(model, weights, ""), "cpu")).to_dict()

    return Takes.from_dict(remembered("takes", weights.hash, look))


def _check_weights(model: Model, folder: Path) -> None:
    """Refuse other weights than the corpus file tells of."""
    if not model.sha256:
        return
    found = {file.name: file_hash(file) for file in weights_at(folder)}
    if model.sha256 not in found.values():
        told = ", ".join(f"{name} {digest}" for name, digest in found.items()) or "no weights"
        raise ModelError(
            f"model {model.model!r} has other weights than the corpus file's sha256 {model.sha256} says: {told}",
            "Get the weights that it names, or correct `sha256` if you trust these.",
        )


def _check_settings(model: Model, place: Path) -> None:
    """Refuse settings that mean nothing for the kind of model."""
    if model.weighting != "none" and not is_words(place):
        raise ModelError(
            f"model {model.model!r} is no file of word vectors, and cannot have `weighting: {model.weighting}`",
            "Leave it out.",
        )
    if model.output != "float":
        raise ModelError(
            f"model {model.model!r} is on this machine, and `output: {model.output}` is for models behind an API",
            "Take it out; `int8: true` runs it in int8, and `store: float16` halves its vectors.",
        )
    if model.pooling != "auto" and (not (place / "config.json").exists() or (place / "modules.json").exists()):
        raise ModelError(
            f"model {model.model!r} says itself how it pools, and cannot have `pooling: {model.pooling}`",
            "Leave it out; it is for a folder that transformers saved, without a modules.json.",
        )


def _commit_of(folder: Path) -> str | None:
    """The commit of the hub that a folder of its cache has."""
    return folder.name if folder.parent.name == "snapshots" else None


def resolve_entry(entry: dict[str, Any], named: Sequence[Model] = ()) -> ResolvedModel:
    """The model that a row of the catalog tells of, with the files that are on this machine now: where the row says,
    or where the corpus file has a model of that name, which may be another place on another machine. A row of an older
    embedlake keeps its revision.

    Args:
        entry: of the catalog.
        named: the models of the corpus file.

    Raises:
        ModelError: there is no such model, or it cannot be fetched.
    """
    filled = kept_model(entry["settings"])
    filled = next((filled.asked_as(model) for model in named if model.name == filled.name), filled)
    places = [filled] + [
        filled.model_copy(update={name: getattr(model, name) for name in _WHERE})
        for model in named
        if model.name == filled.name and model.model != filled.model
    ]
    found, missing = [], []
    for place in places:
        try:
            found.append(resolve_model(place))
        except ModelError as error:
            missing.append(error)
    if not found:
        raise missing[-1]
    candidates = chain(found, map(former, found))
    model = next((model for model in candidates if model.revision == entry["revision"]), found[0])
    return replace(model, calibration=tuple(json.loads(entry["calibration"] or "[]")))


def find_here(model: ResolvedModel) -> ResolvedModel:
    """A model that was resolved on another machine, with the files that are on this one.

    Raises:
        ModelError: it is not here and cannot be fetched, or here it has other weights.
    """
    here = resolve_model(model.settings)
    if here.origin.identity() != model.origin.identity():
        raise ModelError(
            f"model {model.settings.model!r} has other weights on {socket.gethostname()} than where the run began",
            "Give every node of the cluster the same files, or name a commit with `hub_revision`.",
        )
    return replace(here, calibration=model.calibration)


def find_model(reference: str, hub_revision: str | None = None) -> Path:
    """The folder with a model's files, or the file that has its word vectors.

    Args:
        reference: a folder or a file of word vectors (absolute), `package:NAME`, or a name on the Hugging Face hub; no
            provider's.
        hub_revision: branch, tag or commit; only for the hub.

    Raises:
        ModelError: there is no such model, or it cannot be fetched.
    """
    if reference.startswith("package:"):
        return _in_package(reference.removeprefix("package:"))
    if reference.startswith("/"):
        return _at(Path(reference))
    return _from_hub(reference, hub_revision)


def _at(path: Path) -> Path:
    """A folder or file of this machine, if a model is there."""
    if path.is_file() and form_of(path):
        return path
    if (path / "config.json").exists() or (path / "modules.json").exists():
        return path
    if path.is_dir() and (found := table_in(path)):
        return found
    kinds = (("it holds no config.json", path.is_dir()), ("it is no file of word vectors", path.exists()))
    there = next((said for said, so in kinds if so), "there is no such folder")
    raise ModelError(
        f"model {str(path)!r}: {there}",
        "Give a folder that sentence-transformers saved, or a file of word vectors: GloVe, word2vec, fastText.",
    )


def _in_package(name: str) -> Path:
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise ModelError(
            f"model 'package:{name}': no such package is installed",
            f"Install it, or correct the name: pip install {name}",
        )
    root = Path(next(iter(spec.submodule_search_locations)))
    for marker in ("modules.json", "config.json"):
        if saved := sorted(root.glob(f"**/{marker}"), key=lambda path: len(path.parts)):
            return saved[0].parent
    if found := table_in(root):
        return found
    raise ModelError(
        f"model 'package:{name}': the package holds no model",
        "Expected a modules.json or config.json in it, a table of token vectors, or word vectors.",
    )


def _from_hub(name: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, RepositoryNotFoundError

    repository = name if "/" in name else f"sentence-transformers/{name}"
    try:
        folder = Path(snapshot_download(repository, revision=revision, allow_patterns=_PATTERNS))
        if not says_text(folders_of(folder)):  # of texts alone it is not needed, and would give it another identity
            folder = Path(snapshot_download(repository, revision=revision, allow_patterns=[*_PATTERNS, "*.jinja"]))
        if not any(folder.glob("**/*.safetensors")):
            folder = Path(snapshot_download(repository, revision=revision, allow_patterns=[*_PATTERNS, "*.bin"]))
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise ModelError(
            f"model {name!r}: the hub has no such model, or it is private ({type(error).__name__})",
            "Correct its name, or log in with `hf auth login`; a local folder begins with ./ or /.",
        ) from None
    except (OSError, HfHubHTTPError) as error:
        raise ModelError(
            f"model {name!r} is not on this machine and the hub cannot be reached: {type(error).__name__}",
            "Check the network, set HF_ENDPOINT to a mirror, or give a local folder (./path) or package:NAME.",
        ) from None
    if not (folder / "config.json").exists() and not (folder / "modules.json").exists():
        if found := table_in(folder):
            return found
        raise ModelError(f"model {name!r}: its repository holds no config.json", "Is it a sentence-transformers model?")
    if not any(folder.glob("**/*.safetensors")) and not any(folder.glob("**/*.bin")):
        raise ModelError(
            f"model {name!r}: there are no weights in {folder}",
            "If it was fetched only in part, fetch it again while the hub can be reached: hf download " + repository,
        )
    _check_whole(name, repository, folder)
    return folder


def _check_whole(name: str, repository: str, folder: Path) -> None:
    """Refuse a snapshot that another library fetched a file at a time, and that may lack its modules.json: without it a
    model is run in another way and gives other vectors. Where the hub gave its list of files, now or before, its own
    library has compared them."""
    kept, commit = folder.parents[1], folder.name
    if (folder / "modules.json").exists() or (kept / "trees" / f"{commit}.json").exists():
        return
    missing = kept / ".no_exist" / commit  # files that were asked for one by one, and are not in the repository
    if (missing / "modules.json").exists():
        return
    if missing.is_dir() or repository.startswith("sentence-transformers/"):
        raise ModelError(
            f"model {name!r} was fetched only in part by another program: whether it has a modules.json, which says how"
            f" it is run, is not known in {folder}",
            f"Fetch it again while the hub can be reached: hf download {repository}",
        )


def _wants_code(folder: Path) -> bool:
    """Whether the model's configuration names classes outside the libraries."""
    modules = folder / "modules.json"
    config = folder / "config.json"
    if modules.exists() and any(
        not str(module["type"]).startswith("sentence_transformers.")
        for module in json.loads(modules.read_text("utf-8"))
    ):
        return True
    return config.exists() and "auto_map" in json.loads(config.read_text("utf-8"))
