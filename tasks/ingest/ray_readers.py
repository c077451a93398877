"""Readers on every node of a Ray cluster, for what every node can fetch."""

import logging
import tempfile
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from tasks import ray_cluster
from tasks.config.settings import Corpus
from tasks.ingest.prepare import Prepared
from tasks.ingest.readers import LocalReaders, Pending, Readers
from tasks.sources.work import Files, Work

logger = logging.getLogger("embedlake.readers")

_AT_ONCE = 3  # pieces of work that a node is given for each of its cores, so that none waits for the next


class NodeReaders:
    """What runs on a node: a reader for each of its cores, with the tokenizer of the machine that the run is on."""

    def __init__(self, corpus: Corpus, tokenizer: bytes, count: int) -> None:
        self._folder = tempfile.TemporaryDirectory()
        (Path(self._folder.name) / "tokenizer.json").write_bytes(tokenizer)
        self._readers = LocalReaders(corpus, self._folder.name, count)

    def read(self, work: Work) -> Prepared:
        """Prepare a piece of work."""
        return self._readers.start(work).result()

    def close(self) -> None:
        """End the readers."""
        self._readers.close()
        self._folder.cleanup()


class _Node:
    def __init__(self, actor: Any, count: int) -> None:
        self.actor, self.count, self.running = actor, count, 0


class ClusterReaders:
    """The readers of all nodes. Files on a disk are read by this machine, whose disk it is; what a node had that is
    gone is given to another, and to this machine when none is left.

    Args:
        corpus: whose documents.
        tokenizer_folder: a folder with the tokenizer.json that counts.
        here: this machine's readers.

    Raises:
        ServerError: the cluster does not answer.
    """

    def __init__(self, corpus: Corpus, tokenizer_folder: str, here: Readers) -> None:
        ray_cluster.connect(corpus.resources.address)
        self.here = here
        self.nodes: list[_Node] = []
        given = ray.put(corpus), ray.put((Path(tokenizer_folder) / "tokenizer.json").read_bytes())
        for node in ray.nodes():  # type: ignore[no-untyped-call]
            cores = int(node["Resources"].get("CPU", 0))
            if node["Alive"] and cores:
                actor: Any = ray.remote(NodeReaders).options(
                    num_cpus=0,  # encoders hold the cores; readers take what these leave
                    max_concurrency=_AT_ONCE * cores + 1,
                    scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False),
                )
                self.nodes.append(_Node(actor.remote(*given, cores), cores))
        self.count = here.count + sum(node.count for node in self.nodes)

    def start(self, work: Work) -> Pending:
        """Have a piece of work done where it can be read."""
        on_disk = isinstance(work, Files) and not all("://" in file.uri for file in work.files)
        return self.here.start(work) if on_disk else _Elsewhere(self, work)

    def close(self) -> None:
        """End the readers everywhere."""
        self.here.close()
        closing = [node.actor.close.remote() for node in self.nodes]
        if closing:
            ray.wait(closing, num_returns=len(closing), timeout=10)
        for node in self.nodes:
            ray.kill(node.actor)


class _Elsewhere:
    """Work that a node has."""

    def __init__(self, readers: ClusterReaders, work: Work) -> None:
        self._readers = readers
        self._work = work
        self._begin()

    def result(self) -> Prepared:
        """What the node gave, or another in its stead."""
        while (node := self._node) is not None:
            try:
                while not ray_cluster.ready([self._reference]):
                    pass
                found: Prepared = ray.get(self._reference)
                return found
            except RayTaskError as error:
                raise error.cause if isinstance(error.cause, Exception) else error from None
            except RayError as error:
                if node in self._readers.nodes:
                    logger.warning("a node reads no more (%s); others take its work", type(error).__name__)
                    self._readers.nodes.remove(node)
                self._begin()
            finally:
                node.running -= 1
        return self._readers.here.start(self._work).result()

    def _begin(self) -> None:
        self._node = min(self._readers.nodes, key=lambda node: node.running / node.count, default=None)
        if self._node is not None:
            self._reference = self._node.actor.read.remote(self._work)
            self._node.running += 1
