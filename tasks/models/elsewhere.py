"""What a second process does for tasks.models.probing: it embeds the same samples, and writes their vectors to a file.

It seeds its generators as no other process does, so that what is made up at random differs.
"""

import os
import sys

import numpy as np
import torch

from tasks.config.models import Model
from tasks.models.complete import load_whole
from tasks.models.find import resolve_model
from tasks.models.inputs import Inputs
from tasks.models.media import embedder
from tasks.models.probing import embed_samples


def write_vectors(settings: str, file: str) -> None:
    """Write the vectors of a model's samples.

    Args:
        settings: of the model, as JSON.
        file: to write, in NumPy's format.
    """
    torch.manual_seed(int.from_bytes(os.urandom(6)))
    model = resolve_model(Model.model_validate_json(settings))
    loaded, _ = load_whole(model, "cpu")
    np.save(file, embed_samples(model, embedder(loaded, Inputs(loaded, model.takes, {}))))


if __name__ == "__main__":
    write_vectors(sys.stdin.read(), sys.argv[1])
