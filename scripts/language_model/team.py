"""The processes that train one segment together, one for each device, and what they exchange.

A step's forward passes are dealt out in turn; gradients, loss and counts are added up, so that
every process takes the same optimizer step with the same bits. A process alone is a team of one,
which exchanges nothing.
"""

import hashlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import distributed, nn

from scripts.common.errors import IntegrityError

T = TypeVar("T")
_BUCKET = 2**24  # numbers that are summed at a time: 64 MB beside the gradients
_PATIENCE = timedelta(hours=1)  # the first process may write a large save meanwhile
_LOOPBACK = "lo0" if sys.platform == "darwin" else "lo"


@dataclass(frozen=True)
class Team:
    """The team of this process.

    Attributes:
        rank: number of this process, from 0; the first one alone writes.
        size: number of processes.
        device: where exchanged tensors lie.
    """

    rank: int = 0
    size: int = 1
    device: torch.device = torch.device("cpu")  # noqa: RUF009 (immutable)

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def share(self, passes: Sequence[T]) -> list[tuple[int, T]]:
        """Return this process' share of a step's forward passes, with their numbers in the step."""
        return list(enumerate(passes))[self.rank :: self.size]

    def total(self, counts: Sequence[int]) -> list[int]:
        """Return the sums of counts over all processes."""
        if self.size == 1:
            return list(counts)
        sums = torch.tensor(counts, dtype=torch.int64, device=self.device)
        distributed.all_reduce(sums)
        return [int(number) for number in sums.tolist()]

    def sum_gradients(self, weights: Sequence[nn.Parameter], loss: torch.Tensor) -> torch.Tensor:
        """Replace each weight's gradient by its sum over all processes; return the summed loss.

        A weight that no process' loss reached keeps no gradient, as in a process alone.

        Args:
            weights: the same weights in the same order in every process.
            loss: this process' part of the loss, a scalar.
        """
        if self.size == 1:
            return loss
        reached = [float(weight.grad is not None) for weight in weights]
        sums = torch.cat([loss.detach().reshape(1), torch.tensor(reached, device=self.device)])
        distributed.all_reduce(sums)
        gradients = []
        for weight, count in zip(weights, sums[1:].tolist(), strict=True):
            if count:
                if weight.grad is None:
                    weight.grad = torch.zeros_like(weight)
                gradients.append(weight.grad)
        for bucket in buckets(gradients, _BUCKET):
            flat = torch.cat([gradient.reshape(-1) for gradient in bucket])
            distributed.all_reduce(flat)
            parts = flat.split([gradient.numel() for gradient in bucket])
            for gradient, part in zip(bucket, parts, strict=True):
                gradient.copy_(part.view_as(gradient))
        return sums[0]

    def from_first(self, value: T) -> T:
        """Return the first process' value, whatever the others gave."""
        if self.size == 1:
            return value
        values: list[Any] = [value]
        distributed.broadcast_object_list(values, src=0, device=self.device)
        first: T = values[0]
        return first

    def require_equal_states(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, where: str
    ) -> None:
        """Check that all processes hold the same weights and the same moments, bit for bit.

        Args:
            model: the model.
            optimizer: its optimizer.
            where: run and step, for the message.

        Raises:
            IntegrityError: they do not; every process raises it.
        """
        if self.size == 1:
            return
        hashes: list[str] = [""] * self.size
        distributed.all_gather_object(hashes, state_hash(model, optimizer))
        if len(set(hashes)) > 1:
            found = ", ".join(f"process {rank}: {text[:12]}" for rank, text in enumerate(hashes))
            raise IntegrityError(
                f"{where}: the devices do not hold the same weights ({found}), so the steps since "
                "the last save are dropped; run again, and look at the devices if it happens twice"
            )


_team = Team()


def current_team() -> Team:
    """Return the team that this process is in; it is alone until it joined one."""
    return _team


@contextmanager
def joined_team() -> Iterator[Team]:
    """Be in the team that the launcher's environment describes (RANK, WORLD_SIZE, …).

    NCCL carries what is exchanged between GPUs, Gloo between processes on the CPU.
    """
    global _team
    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    # All processes are on this machine; its host name need not resolve.
    for backend in ("GLOO", "NCCL"):
        os.environ.setdefault(f"{backend}_SOCKET_IFNAME", _LOOPBACK)
    if torch.cuda.is_available():
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
        distributed.init_process_group("nccl", device_id=device, timeout=_PATIENCE)
    else:
        device = torch.device("cpu")
        distributed.init_process_group("gloo", timeout=_PATIENCE)
    _team = Team(rank, size, device)
    try:
        yield _team
        # The others wait until the first one has written.
        distributed.barrier()
    finally:
        _team = Team()
    # Not after a failure: it may wait for processes that are gone.
    distributed.destroy_process_group()


def buckets(tensors: Sequence[torch.Tensor], size: int) -> Iterator[list[torch.Tensor]]:
    """Cut tensors into lists of at most `size` numbers in all; a larger tensor stands alone."""
    bucket: list[torch.Tensor] = []
    filled = 0
    for tensor in tensors:
        if bucket and filled + tensor.numel() > size:
            yield bucket
            bucket, filled = [], 0
        bucket.append(tensor)
        filled += tensor.numel()
    if bucket:
        yield bucket


def state_hash(model: nn.Module, optimizer: torch.optim.Optimizer) -> str:
    """Return the SHA-256 of all weights and of the optimizer's moments."""
    digest = hashlib.sha256()
    for name, weight in model.named_parameters():
        digest.update(name.encode())
        for tensor in (weight, *_moments(optimizer, weight)):
            content = tensor.detach().cpu().contiguous().reshape(-1)
            digest.update(content.view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _moments(optimizer: torch.optim.Optimizer, weight: nn.Parameter) -> list[torch.Tensor]:
    state = optimizer.state.get(weight, {})
    return [state[name] for name in sorted(state) if isinstance(state[name], torch.Tensor)]
