"""Combinations of allowed config values that cannot work together, track by track."""

import math
from collections.abc import Iterator
from itertools import combinations
from typing import Any

from scripts.common.addresses import address_complaints, without_secrets


def impossible_combinations(config: dict[str, Any]) -> Iterator[str]:
    """Yield one line for each combination of allowed values that cannot work."""
    corpus = config["corpus"]
    for section in ("analysis", "entity_coref", "mlm"):
        values = corpus[section]
        for low, high in _ordered_pairs(values):
            if values[high] not in (None, "measured") and values[low] > values[high]:
                yield (
                    f"config key corpus.{section}.{low} = {values[low]} is above "
                    f"{high} = {values[high]}; allowed: at most {values[high]}"
                )
    shares = corpus["split"]
    if sum(shares.values()) >= 1:
        yield (
            f"config key corpus.split = {shares} leaves nothing to train on; "
            f"allowed: shares with a sum below 1"
        )
    minimum = corpus["entity_coref"]["min_characters"]
    if (
        corpus["entity_coref"]["max_characters"] == "measured"
        and minimum > corpus["analysis"]["max_characters"]
    ):
        yield (
            f"config key corpus.entity_coref.min_characters = {minimum} is above "
            f"corpus.analysis.max_characters = {corpus['analysis']['max_characters']}, "
            "up to which documents are analysed; allowed: at most that number"
        )
    yield from _lone_revision("corpus.tokenizer", corpus["tokenizer"], "model")
    yield from _language_model_combinations(config["language_model"])
    yield from _classification_combinations(config["classification"])
    yield from _descriptors_combinations(config["descriptors"])
    yield from _retrieval_combinations(config["retrieval"])


def _language_model_combinations(section: dict[str, Any]) -> Iterator[str]:
    base, evaluation = section["base_model"], section["evaluation"]
    key = "config key language_model"
    yield from _uneven_heads("language_model.base_model", base)
    yield from _lone_revision("language_model.base_model", base, "model")
    yield from _lone_revision("language_model.evaluation.lambada", evaluation["lambada"], "dataset")
    weights = evaluation["weights"]
    if not math.isclose(sum(weights.values()), 1):
        yield (
            f"{key}.evaluation.weights = {weights} have the sum {sum(weights.values()):g}; "
            "allowed: weights with the sum 1"
        )


def _classification_combinations(section: dict[str, Any]) -> Iterator[str]:
    given, key = section["input"], "config key classification"
    if (given["kind"] == "files") != (given["location"] is not None):
        yield (
            f"{key}.input.location = {given['location']} does not fit kind = {given['kind']}; "
            + ("allowed: path or glob of files" if given["kind"] == "files" else "allowed: null")
        )
    if section["val_size"] >= section["test_size"]:
        yield (
            f"{key}.val_size = {section['val_size']:g} leaves no test rows of test_size = "
            f"{section['test_size']:g}; allowed: less, since both together are held out"
        )
    named = [given["label_column"], given["group_column"], given["split_column"]]
    for name in sorted({name for name in named if name} & set(given["text_columns"])):
        yield f"{key}.input.text_columns names {name}, which has another role; allowed: one of both"
    if section["evaluation"]["tail_below"] > section["evaluation"]["head_above"]:
        yield (
            f"{key}.evaluation.tail_below is above head_above, so that a class would be both; "
            "allowed: at most that"
        )
    if section["tfidf"]["ngram_min"] > section["tfidf"]["ngram_max"]:
        yield f"{key}.tfidf.ngram_min is above ngram_max; allowed: at most that"
    yield from _uneven_heads("classification.transformer", section["transformer"])
    yield from _lone_revision("classification.transformer", section["transformer"], "model")


def _is_web(location: str | None) -> bool:
    return location is not None and location.startswith(("http://", "https://"))


def _descriptors_combinations(section: dict[str, Any]) -> Iterator[str]:
    given, key = section["input"], "config key descriptors"
    reads_files = given["kind"] in ("smiles", "table")
    if reads_files != (given["location"] is not None):
        shown = without_secrets(str(given["location"]))
        yield (
            f"{key}.input.location = {shown} does not fit kind = {given['kind']}; "
            + ("allowed: path or glob of files" if reads_files else "allowed: null")
        )
    addresses = (given["location"] or "").split() if _is_web(given["location"]) else []
    for complaint in address_complaints(" ".join(addresses), given["sha256"]):
        yield f"{key}.input.location: {complaint}"
    if given["sha256"] and len(given["sha256"]) != len(addresses):
        yield (
            f"{key}.input.sha256 has {len(given['sha256'])} digests for {len(addresses)} "
            "addresses; allowed: one for each, or none"
        )
    roles = section["columns"]
    for one, other in combinations(("metadata", "labels", "protected", "force_drop"), 2):
        for name in sorted(set(roles[one]) & set(roles[other])):
            yield f"{key}.columns.{one} and {other} both name {name}; allowed: one role a column"
    for other in ("metadata", "labels", "protected", "force_drop"):
        for name in sorted({*roles["force_keep"], *roles["prefer"]} & set(roles[other])):
            yield f"{key}.columns.{other} names {name}, which is to be kept; allowed: one of both"
    weights = [section["nonlinear"][name] for name in ("hsic_weight", "rdc_weight")]
    if not math.isclose(sum(weights), 1):
        yield (
            f"{key}.nonlinear.hsic_weight and rdc_weight have the sum {sum(weights):g}; "
            "allowed: weights with the sum 1"
        )


def _retrieval_combinations(section: dict[str, Any]) -> Iterator[str]:
    given, key = section["input"], "config key retrieval"
    for name in ("corpus", "queries", "qrels"):
        if (given["kind"] == "files") != (given[name] is not None):
            yield (
                f"{key}.input.{name} = {given[name]} does not fit kind = {given['kind']}; allowed: "
                + ("path or glob of files" if given["kind"] == "files" else "null")
            )
    if given["kind"] == "files" and bool(given["sessions"]) == (given["plan"] is not None):
        yield (
            f"{key}.input.sessions = {given['sessions']} beside plan = {given['plan']}; allowed: "
            "the sessions' names, or a plan that draws them"
        )
    if given["kind"] != "files" and (given["sessions"] or given["plan"] is not None):
        yield f"{key}.input.sessions and plan belong to kind = files; allowed: [] and null"
    if given["plan"] is not None and any(
        "{session}" in (given[name] or "") for name in ("corpus", "queries", "qrels")
    ):
        yield f"{key}.input.plan draws sessions, and {{session}} names their files; allowed: one"
    encoder = section["encoder"]
    if encoder["overlap"] >= encoder["window"]:
        yield (
            f"{key}.encoder.overlap = {encoder['overlap']} is no less than window = "
            f"{encoder['window']}; allowed: less, so that windows move on"
        )
    yield from _uneven_heads("retrieval.encoder", encoder)
    if encoder["ngram_min"] > encoder["ngram_max"]:
        yield f"{key}.encoder.ngram_min is above ngram_max; allowed: at most that"
    if encoder["kind"] == "hashed" and (encoder["model"] or encoder["pooling"] != "mean"):
        yield (
            f"{key}.encoder.kind = hashed has no model and no CLS token; allowed: model = null and "
            "pooling = mean, or kind = transformer"
        )
    yield from _lone_revision("retrieval.encoder", encoder, "model")
    if "full" not in section["evaluation"]["modes"]:
        yield f"{key}.evaluation.modes lacks full, which fills the matrix; allowed: full and others"


def _uneven_heads(path: str, values: dict[str, Any]) -> Iterator[str]:
    if values["hidden_size"] % values["heads"]:
        yield (
            f"config key {path}.heads = {values['heads']} does not divide hidden_size = "
            f"{values['hidden_size']}; allowed: a divisor of it"
        )


def _lone_revision(path: str, values: dict[str, Any], name: str) -> Iterator[str]:
    if values["revision"] is not None and values[name] is None:
        yield (
            f"config key {path}.revision = {values['revision']} has no {name}; allowed: null, or a "
            f"revision of {path}.{name}"
        )


def _ordered_pairs(values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for low in values:
        high = low.replace("min_", "max_", 1)
        if low.startswith("min_") and high in values:
            yield low, high
