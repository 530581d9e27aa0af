"""How fertility sets the character ceiling of each length, as a table beside the published one."""

from typing import Any

PUBLISHED_CEILING = 2500  # characters, for every length
CEILING_COLUMNS = (
    "dataset",
    "length",
    "sample_documents",
    "tokens_per_character",
    "tokens_per_character_low",
    "tokens_per_character_high",
    "ceiling",
    "measured_ceiling",
    "documents",
    "bound_share",
    "published_ceiling",
    "published_tokens",
    "published_documents",
)


def ceiling_row(
    dataset: str,
    metadata: dict[str, Any],
    fertility: dict[str, Any],
    *,
    documents: int,
    published_documents: int,
) -> tuple[Any, ...]:
    """Return the row of one entity-coreference dataset, in order of `CEILING_COLUMNS`.

    Args:
        dataset: name of the dataset.
        metadata: its manifest.
        fertility: content of fertility.json.
        documents: documents that pass all checks with the ceiling in force.
        published_documents: documents that would pass them with the published ceiling.
    """
    length = str(metadata["seq_len"])
    train = metadata["splits"].get("train", {})
    rows = metadata["num_samples_by_split"].get("train", 0)
    mean = fertility["tokens_per_character"]
    low, high = fertility["tokens_per_character_interval"]
    return (
        dataset,
        metadata["seq_len"],
        fertility["sample_documents"],
        *(round(value, 6) for value in (mean, max(0.0, low), high)),
        fertility["max_characters"][length],
        fertility["measured_ceilings"][length],
        documents,
        round(train["bound_rows"] / rows, 6) if rows else "",
        PUBLISHED_CEILING,
        round(PUBLISHED_CEILING * mean, 1),
        published_documents,
    )
