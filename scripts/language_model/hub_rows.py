"""Rows of a dataset of the hub, at a pinned revision."""

import os
from typing import Any

from scripts.common.errors import DownloadError


def hub_rows(name: str | None, revision: str | None, split: str) -> list[dict[str, Any]]:
    """Return the rows of one split.

    Args:
        name: name of the dataset, as in "owner/name".
        revision: commit, None for the latest.
        split: name of the split.

    Raises:
        DownloadError: it is missing, gated without a token, or the network fails.
    """
    from datasets import load_dataset
    from datasets.exceptions import DatasetNotFoundError, DatasetsError

    try:
        rows = load_dataset(name, split=split, revision=revision)
    except DatasetNotFoundError as error:
        token = "the token in HF_TOKEN" if os.environ.get("HF_TOKEN") else "no token"
        raise DownloadError(
            f"dataset {name} is missing or gated, asked for with {token} "
            f"({str(error).splitlines()[0][:160]}); accept its terms and set HF_TOKEN, or leave "
            "language_model.evaluation.lambada.dataset empty to build the set from hold-out "
            "documents"
        ) from None
    except (DatasetsError, OSError, ValueError) as error:
        raise DownloadError(
            f"dataset {name} (split {split}) cannot be read from the hub "
            f"({str(error).splitlines()[0][:160]}); try again, or give a local file"
        ) from None
    return [dict(row) for row in rows]
