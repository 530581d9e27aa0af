"""Kernels of a GPU that compute the same bits each time."""

import os


def choose_repeatable_kernels() -> None:
    """Let CUDA compute the same bits each time, where the library knows how."""
    import torch

    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    # The fused attentions add gradients up in any order.
    torch.backends.cuda.enable_flash_sdp(False)
    torch.backends.cuda.enable_mem_efficient_sdp(False)
