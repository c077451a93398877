"""What items are, as a sentence-transformers model wants it: tensors by name.

A text is always handed over as `{"text": …}`: a bare string that looks like a path or an address of a picture would be
opened or fetched by a model that takes images. Sound goes with its rate: a bare array would be believed to have the
right one.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from PIL import Image as pillow
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Router

from tasks.errors import ModelError, RefusedChunk
from tasks.models.interface import Image, Samples
from tasks.models.pixels import FastPixels, side_of
from tasks.models.takes import Takes
from tasks.models.torch_backend import prompt_of

Features = dict[str, Any]
"""What a model's modules hand on: tensors by name, and what says how they are to be taken."""

MODALITIES = ("text", "image", "audio")
_PADDED = ("siglip", "siglip2")  # trained on texts that are filled up; the place of the last token is what they look at
_FRAME = 10  # milliseconds between frames of Kaldi's filter banks
_TRIED = [(61, 47), (40, 90), (300, 200)]  # height and width of images that tell whether the fast way is the right one


class Inputs:
    """Makes a model's inputs.

    Args:
        loaded: the model.
        takes: what it takes.
        prompts: that the corpus file puts before a query and before a document; None for the model's own.

    Attributes:
        prompts: that are put before them.
        max_tokens: that it reads of a text.
        scale: of its images, where the fast way is the right one.
    """

    def __init__(self, loaded: SentenceTransformer, takes: Takes, prompts: dict[str, str | None]) -> None:
        self._model = loaded
        self._takes = takes
        self.prompts = {
            task: prompt_of(loaded, *names) if prompts.get(task) is None else prompts[task] or ""
            for task, names in {"query": ("query",), "document": ("document", "passage", "corpus")}.items()
        }
        self._lock = threading.Lock()  # a tokenizer that cuts and fills up is one thread's at a time
        self._tokenizer = next((found for part in first_modules(loaded) if (found := _tokenizer_of(part))), None)
        self._padding = _padding(loaded)
        self.max_tokens = self._padding.get("max_length") or int(min(loaded.max_seq_length or 10**9, 10**9))
        self._wraps = "text" not in takes.modalities or self._takes_wrapped_text()
        self._fast = self._fast_pixels() if "image" in takes.modalities else None
        self.scale = self._fast["document"][0].scale if self._fast else None

    def features(self, modality: str, contents: Sequence[Any], task: str) -> Features:
        """The model's inputs for some contents of a modality.

        Args:
            modality: of all of them.
            contents: as items have them.
            task: query or document.

        Raises:
            ModelError: the sound has another rate than the model hears.
        """
        if modality == "text":
            with self._lock:
                return self._texts(contents, task)
        if modality == "image":
            if self._fast:
                return {**self._fast[task][1], "pixel_values": torch.from_numpy(self._fast[task][0](contents))}
            return self._preprocessed([pillow.fromarray(image) for image in contents], task)
        return self._sounds(contents, task)

    def token_counts(self, texts: Sequence[str], task: str) -> list[int]:
        """The tokens of texts with their prompt, uncut."""
        prompted = [self.prompts[task] + text for text in texts]
        if self._tokenizer is None:
            return [len(text) // 4 + 1 for text in prompted]
        with self._lock:
            encoded = self._tokenizer(prompted, truncation=False, verbose=False)
        return [len(ids) for ids in encoded["input_ids"]]

    def refusal_of(self, sound: Samples) -> str | None:
        """Why some sound cannot be embedded, if it cannot."""
        longest = self._takes.longest
        if longest and len(sound.samples) * 1000 > longest * sound.rate:
            length = len(sound.samples) * 1000 // sound.rate
            return (
                f"{length:,} ms of sound; the model hears {longest:,}, and would leave out some at random or at the end"
            )
        return None

    def _texts(self, texts: Sequence[str], task: str) -> Features:
        settings = {"processing_kwargs": {"text": self._padding}} if self._padding else {}
        if self._wraps:
            return self._preprocessed([{"text": text} for text in texts], task, **settings)
        return self._preprocessed(list(texts), task, modality="text", **settings)

    def _sounds(self, sounds: Sequence[Samples], task: str) -> Features:
        rates = {sound.rate for sound in sounds}
        wanted = self._takes.rate
        if len(rates) > 1 or (wanted and rates != {wanted}):
            told = f"{wanted:,}" if wanted else "one number of"
            raise ModelError(
                f"the model hears {told} samples a second, and was given {', '.join(f'{r:,}' for r in sorted(rates))}",
                "Resample the sound before it is embedded.",
            )
        for sound in sounds:
            if reason := self.refusal_of(sound):
                raise RefusedChunk(reason, "Cut it into shorter windows.")
        given = [{"array": sound.samples, "sampling_rate": sound.rate} for sound in sounds]
        features = self._preprocessed(given, task)
        if "is_longer" in features:  # of CLAP, which takes one at random for longer where none is
            features["is_longer"] = torch.zeros_like(torch.as_tensor(features["is_longer"]))
        return features

    def _preprocessed(self, inputs: list[Any], task: str, **more: Any) -> Features:
        prompt = self.prompts[task] or None
        return dict(self._model.preprocess(inputs, prompt=prompt, task=task, **more))

    def _takes_wrapped_text(self) -> bool:
        """Whether the model takes `{"text": …}`.

        Raises:
            ModelError: it does not, and would look at what a bare text names.
        """
        self._wraps = True
        try:
            self._texts(["a"], "document")
            self._texts(["a"], "query")
        except Exception as error:  # each module raises its own
            looking = [
                type(part).__name__
                for part in first_modules(self._model)
                if not _is_transformer(part) and set(getattr(part, "modalities", ["text"])) != {"text"}
            ]
            if looking:
                raise ModelError(
                    f'module {looking[0]} does not take a text as {{"text": …}}: {type(error).__name__}:'
                    f" {str(error)[:300]}",
                    "A bare text that names a picture would be opened or fetched, so it is not tried.",
                ) from None
            return False
        return True

    def _fast_pixels(self) -> dict[str, tuple[FastPixels, Features]] | None:
        """The fast way for each task, with what goes beside the pixels, where it gives what the model's own
        processor gives."""
        found = {}
        noise = np.random.default_rng(7)
        images = [noise.integers(0, 256, (*shape, 3), np.uint8) for shape in _TRIED]
        for task in self.prompts:
            for processor in processors(self._model, "image_processor", "image_mean"):
                try:
                    fast = FastPixels(processor)
                    theirs = self._preprocessed([pillow.fromarray(image) for image in images], task)
                    pixels = theirs.pop("pixel_values")
                    if fast.agrees(images, pixels.numpy()) and not _tensors(theirs):
                        found[task] = (fast, theirs)
                except (ValueError, KeyError, TypeError, AttributeError):
                    continue
        return found if len(found) == len(self.prompts) else None


def takes_of(loaded: SentenceTransformer) -> Takes:
    """What a loaded model takes.

    Raises:
        ModelError: a text cannot be given to it without its being opened as a file.
    """
    declared = [name for name in MODALITIES if name in loaded.modalities]
    image = next(processors(loaded, "image_processor", "image_mean"), None) if "image" in declared else None
    sound = next(processors(loaded, "feature_extractor", "sampling_rate"), None) if "audio" in declared else None
    side = None
    if image is not None and getattr(image, "do_resize", False):
        side = side_of(
            dict(image.size or {}), dict(image.crop_size) if getattr(image, "do_center_crop", False) else None
        )
    rate = int(sound.sampling_rate) if sound is not None else None
    takes = Takes(frozenset(declared), side, rate, _longest(sound, rate) if rate else None)
    return replace(takes, scale=Inputs(loaded, takes, {}).scale) if image is not None else takes


def _longest(extractor: Any, rate: int) -> int | None:
    """Milliseconds of sound that a feature extractor reads at most, where it has a limit."""
    samples = getattr(extractor, "n_samples", None) or getattr(extractor, "nb_max_samples", None)
    if samples:  # Whisper's, CLAP's
        return int(samples) * 1000 // rate
    frames = getattr(extractor, "max_length", None) if hasattr(extractor, "num_mel_bins") else None
    return int(frames) * _FRAME if frames else None  # that of the audio spectrogram transformer


def first_modules(loaded: SentenceTransformer) -> list[Any]:
    """The modules that read inputs: the first one, or the first of each route."""
    first: Any = next(iter(loaded))
    if not isinstance(first, Router):
        return [first]
    return [next(iter(route.children())) for route in first.sub_modules.values()]


def processors(loaded: SentenceTransformer, part: str, mark: str) -> Iterator[Any]:
    """The processors of a model for one modality.

    Args:
        loaded: the model.
        part: as a processor of several modalities calls it.
        mark: an attribute that such a processor has.
    """
    for module in first_modules(loaded):
        processor = getattr(module, "processor", None)
        found = getattr(processor, part, processor)
        if found is not None and hasattr(found, mark):
            yield found


def _tokenizer_of(module: Any) -> Callable[..., Any] | None:
    found = getattr(module, "tokenizer", None)
    return found if callable(found) else None


def _is_transformer(module: Any) -> bool:
    return type(module).__module__.startswith("sentence_transformers.")


def _padding(loaded: SentenceTransformer) -> dict[str, Any]:
    """How texts are filled up, where sentence-transformers' own way is not how the model was trained."""
    for module in first_modules(loaded):
        config: Any = getattr(getattr(module, "model", None), "config", None)
        if getattr(config, "model_type", None) in _PADDED and hasattr(config, "text_config"):
            most = int(config.text_config.max_position_embeddings)
            return {"padding": "max_length", "max_length": most, "truncation": True}
    return {}


def _tensors(features: Features) -> dict[str, torch.Tensor]:
    return {name: value for name, value in features.items() if isinstance(value, torch.Tensor)}


def example_images() -> list[Image]:
    """Images that have little in common, of several shapes."""
    noise = np.random.default_rng(11)
    across, down = np.meshgrid(np.linspace(0, 255, 120), np.linspace(0, 255, 80))
    gradients = np.stack([across, down, 255 - across], axis=2).astype(np.uint8)
    stripes = np.tile(np.array([[255, 220, 0], [20, 20, 160]], np.uint8).repeat(8, axis=0), (96, 6, 1))
    return [gradients, stripes, noise.integers(0, 256, (64, 64, 3), np.uint8)]
