"""Which settings of a run of language models mean something for its kind."""

# Plain text is masked at a rate, entity samples are not; entity samples have a mask of their own.
_KINDS_WITH = {
    "entity_share": ("combined",),
    "entity_supervision": ("combined", "entity_ft"),
    "extra_masking": ("combined", "entity_ft"),
    "mask_min": ("mlm", "combined"),
    "mask_max": ("mlm", "combined"),
}


def settings_without_meaning(kind: str) -> dict[str, tuple[str, ...]]:
    """Return the settings that a run of a kind does not read, with the kinds that do."""
    return {name: kinds for name, kinds in _KINDS_WITH.items() if kind not in kinds}
