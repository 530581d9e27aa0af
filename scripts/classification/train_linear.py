"""Trains a softmax regression on TF-IDF features under one strategy and scores it.

In: features and serialized splits, the label map. Out: the model (without pickle, complete for
prediction), metrics, scores by class, the predictions for the test split, and the losses along the
training. The epoch is chosen on the validation split; the test split is read once, at the end. For
the same inputs and settings the bytes are the same. Methods: `linear_training.py`, `losses.py`,
`class_weights.py`, `resampling.py`, `scoring.py` beside this file.
"""

import logging
from pathlib import Path
from typing import Any

from scripts.common.entry import entry

_logger = logging.getLogger(__name__)
_PACKAGES = ("torch", "numpy", "scipy", "imbalanced-learn", "scikit-learn")


def run(
    features: Path,
    parquet: Path,
    label_map: Path,
    model: Path,
    metrics: Path,
    per_class: Path,
    predictions: Path,
    losses: Path,
    *,
    strategy: str,
    seed: int,
    settings: dict[str, Any],
    head_above: int,
    tail_below: int,
    epochs: int,
    batch: int,
    learning_rate: float,
    threads: int,
    code_hash: str,
) -> None:
    """Train and score.

    Args:
        features: folder of prepare_features.
        parquet: folder of the serialized splits.
        label_map: JSON of the labels in order of class ids.
        model: folder to write.
        metrics: JSON to write.
        per_class: TSV to write, a line for each class.
        predictions: table PREDICTIONS to write, for the test split.
        losses: table LOSSES to write.
        strategy: name of the strategy.
        seed: training seed: order of rows, draws, resampling.
        settings: the strategy's settings.
        head_above: a class with more training rows is a head class.
        tail_below: a class with fewer training rows is a tail class.
        epochs: passes over the training rows.
        batch: rows of a step.
        learning_rate: of the first step; it falls linearly to 0.
        threads: threads of the numeric libraries.
        code_hash: version of this step's code.
    """
    import torch

    from scripts.classification.class_weights import count_classes
    from scripts.classification.examples import examples_sha256
    from scripts.classification.labelled_features import read_labelled, with_synthetic_rows
    from scripts.classification.linear_model import KIND, LinearModel, predict_features
    from scripts.classification.linear_training import Schedule, train_softmax
    from scripts.classification.losses import ClassificationLoss
    from scripts.classification.resampling import plan_rows, without_resampling
    from scripts.classification.run_outputs import Outcome, write_outcome
    from scripts.classification.strategy import Strategy
    from scripts.classification.tables import TEST, TRAIN, VALIDATION
    from scripts.classification.text_features import Vocabulary
    from scripts.common.files import atomic_folder, read_json
    from scripts.common.progress import Progress

    torch.set_num_threads(threads)
    chosen = Strategy.of(strategy, settings)
    labels: list[str] = read_json(label_map)["labels"]
    classes = len(labels)
    vocabulary = Vocabulary.read(features)

    splits = {
        split: read_labelled(features, parquet, split, vocabulary) for split in (TRAIN, VALIDATION)
    }
    train = splits[TRAIN]
    counts = count_classes(train.labels, classes)
    loss = ClassificationLoss.of(chosen, counts)
    planned = chosen
    if chosen.resampling == "smote":
        train = with_synthetic_rows(train, classes, chosen, seed=seed)
        planned = without_resampling(chosen)
    plan = plan_rows(train.labels, classes, planned, seed=seed)
    schedule = Schedule(epochs, batch, learning_rate, seed)
    progress = Progress(
        f"train_linear {strategy} seed {seed}",
        total=epochs * len(plan.rows),
        unit="rows",
        batches=schedule.steps(len(plan.rows)),
    )
    trained = train_softmax(
        train,
        splits[VALIDATION],
        classes,
        plan=plan,
        loss=loss,
        schedule=schedule,
        on_batch=lambda rows: progress.advance(rows, batch_ended=True),
    )
    progress.finish()
    (_logger.info if trained.initial.ok else _logger.warning)("%s", trained.initial.verdict)
    test = read_labelled(features, parquet, TEST, vocabulary)
    answers = predict_features(test.features, trained.weights, trained.bias)
    validated = predict_features(splits[VALIDATION].features, trained.weights, trained.bias)
    write_outcome(
        Outcome(
            model=KIND,
            strategy=strategy,
            seed=seed,
            labels=labels,
            train_counts=counts,
            validation_labels=splits[VALIDATION].labels,
            validation_predicted=validated.label_ids,
            test_rows=test.rows,
            test_labels=test.labels,
            test_predicted=answers.label_ids,
            test_probabilities=answers.probabilities,
            initial=trained.initial,
            losses=trained.curve.table(),
            best_epoch=trained.best_epoch,
            steps=trained.steps,
            facts={
                "settings": {
                    **settings,
                    "epochs": epochs,
                    "batch": batch,
                    "learning_rate": learning_rate,
                },
                "rows_per_epoch": len(plan.rows),
                "data_sha256": examples_sha256(parquet),
                "code": code_hash,
            },
        ),
        packages=_PACKAGES,
        head_above=head_above,
        tail_below=tail_below,
        metrics=metrics,
        per_class=per_class,
        predictions=predictions,
        losses=losses,
    )
    with atomic_folder(model) as folder:
        LinearModel(vocabulary, labels, trained.weights, trained.bias).write(folder)


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
