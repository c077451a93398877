import socket
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tasks.errors import ConfigurationError
from tasks.explore.web import HOST, listening, serve_folder


def test_a_port_that_another_program_has_is_told() -> None:
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        with pytest.raises(ConfigurationError, match="cannot be listened on"):
            listening(other.getsockname()[1])


def test_a_folder_is_served_to_this_machine_by_its_own_name_only(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("a map")
    bound = listening(0)
    threading.Thread(target=serve_folder, args=(tmp_path, bound), daemon=True).start()
    address = f"http://{HOST}:{bound.getsockname()[1]}/"
    for _ in range(100):
        try:
            page = urllib.request.urlopen(address).read()
            break
        except OSError:
            time.sleep(0.05)
    assert page == b"a map"
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(urllib.request.Request(address, headers={"Host": "elsewhere.example"}))
