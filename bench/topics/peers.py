"""Other task systems, drained like ours. Only in the full run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from bench.line import Absent, Line, Measured
from bench.peers.environments import version
from bench.peers.registry import PEERS, Peer
from bench.peers.system import started_peer
from bench.servers import KINDS
from bench.sizes import Sizes
from bench.topic import Outcome, RoundFailed, Topic


class Peers(Topic):
    """Each with two processes that run tasks, its backlog submitted before the clock starts."""

    name: ClassVar[str] = "peers"

    @staticmethod
    def lines(sizes: Sizes) -> Sequence[Line]:
        if not sizes.peers:
            return []
        return [
            Line(
                key=f"peers.{name}.{kind}", meaning=f"burst lane / {name}, tasks a second",
                measure="tasks_per_second", pairs=[(f"burst-{kind}", f"peer-{name}")],
                target=target,
            )
            for name, target in (("taskiq", 4.0), ("pgqueuer", 2.0))
            for kind in KINDS
        ]  # fmt: skip

    @staticmethod
    def titles(sizes: Sizes) -> Mapping[str, str]:
        if not sizes.peers:
            return {}
        return {
            _key(peer): f"{peer.name} {version(peer.name, peer.package)}, {peer.how}"
            for peer in PEERS
        }

    @staticmethod
    def extra(sizes: Sizes) -> Mapping[str, str]:
        return {_key(peer): f"peers.{peer.name}" for peer in PEERS} if sizes.peers else {}

    def round(self, number: int) -> Iterator[Outcome]:
        for peer in PEERS:
            if self.wants(_key(peer)):
                try:
                    yield self._drain(peer, number)
                except RoundFailed as error:
                    yield Absent(_key(peer), str(error), failed=True)

    def _drain(self, peer: Peer, number: int) -> Measured:
        folder = self.around.place(f"peer-{peer.name}-{number}")
        with started_peer(self.servers, peer, folder) as running:
            count = max(100, round(peer.tasks * self.sizes.peer_share))
            drained = running.drain("noop", count, f"{number}-{peer.name}")
        return Measured(_key(peer), {**drained.values, "backlog": count}, drained.parts)


def _key(peer: Peer) -> str:
    return f"peer-{peer.name}"
