"""Models and encoders: items in, vectors and costs out.

In: a model's reference and settings, and items. Out: vectors, float32, and what each item costs.

- `interface` says what an item and an encoder are. `find` resolves a reference to what is in `resolved`: weights, or a
  service that `providers` knows.
- `choose` loads the encoder that suits model and machine: `transformer` is what encoders of transformer models share,
  with `openvino_backend` for CPUs (from what `export` converted) and `torch_backend` for GPUs; `static` looks vectors
  up; `general` runs what no other does, as sentence-transformers does.
- `takes` says what a model takes. `media` runs models of images, sound and several modalities: `inputs` makes their
  tensors (`pixels` and `scale` the fast way), `complete` loads them with all their weights (`extractors` those without
  a tokenizer), `probing` sees at first use what may be batched and what is refused (`elsewhere` is the second process),
  `towers` are their parts on OpenVINO.
- `template` puts title and headings before a text, as a model's settings say.
- `speech` runs speech recognition models.
- `quantise` makes int8 models and measures what that changes; `probes` are items that every encoder can embed.

Ray's workers load this package: it imports neither Prefect nor Ray.
"""

import os
import sys

# OpenVINO and nncf would ask on the terminal whether they may call home, or do it.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
os.environ.setdefault("NNCF_CI", "1")
