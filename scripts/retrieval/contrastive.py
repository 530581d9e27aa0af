"""Softmax contrastive loss over cosines.

Sources: van den Oord et al. 2018, equation 4; the temperature: Wu et al. 2018, equation 2.
"""

import torch
from torch import Tensor


def contrastive_losses(
    queries: Tensor, candidates: Tensor, positives: Tensor, allowed: Tensor, temperature: float
) -> Tensor:
    """Return −ln of the softmax share of each query's positive among its candidates.

    Args:
        queries: (b, d) unit vectors.
        candidates: (c, d) unit vectors.
        positives: (b,) column of each query's positive.
        allowed: (b, c) bool, the candidates of each query, its positive among them; what is not
            allowed has no part in the loss or its gradient.
        temperature: τ above 0, by which cosines are divided.

    Returns:
        (b,) losses in nats, 0 where the positive is the only candidate.
    """
    scores = (queries @ candidates.T / temperature).masked_fill(~allowed, -torch.inf)
    return torch.nn.functional.cross_entropy(scores, positives, reduction="none")
