"""Encoders: texts in, vectors out, chosen for the model and the machine.

`choose` decides; `transformer` is what encoders of transformer models share, with `openvino_backend` for CPUs (from
what `export` converted) and `torch_backend` for GPUs; `static` looks vectors up; `general` runs what no other does,
as sentence-transformers does. `quantise` makes int8 models and measures what that changes. Ray's workers load this
package: it imports neither Prefect nor Ray.
"""

import os
import sys

# OpenVINO and nncf would ask on the terminal whether they may call home, or do it.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
os.environ.setdefault("NNCF_CI", "1")
