"""Track 3, classification: labelled rows with imbalanced classes, from audit to compared remedies.

PURPOSE   Rows -> duplicates and extraction settled -> rare classes filtered -> splits by group ->
          label noise, audit -> a dataset that loads; per strategy and seed a linear model and a
          transformer, scored on one test split; the comparison with its intervals.
INPUTS    The config section classification: its key input names files of rows; the table of
          strategies.
OUTPUTS   <results>/classification/{imbalance,filter_report,label_map,split_coverage}.json
          <results>/classification/{class_counts,text_length_by_class,class_weights,faults}.tsv
          <results>/classification/dataset/ (load_from_disk), parquet/
          <results>/classification/runs/{tfidf,transformer}/{strategy}/{seed}/
          <results>/classification/tables/ (for people and for the report)
TARGETS   classification
"""

AUDITED = {
    "imbalance": f"{CLASSIFICATION_FOLDER}/imbalance.json",
    "class_counts": f"{CLASSIFICATION_FOLDER}/class_counts.tsv",
    "text_lengths": f"{CLASSIFICATION_FOLDER}/text_length_by_class.tsv",
    "faults": f"{CLASSIFICATION_FOLDER}/faults.tsv",
    "suspects": f"{CLASSIFICATION_FOLDER}/suspects.parquet",
}
CLASSIFICATION_TABLES = {
    name: f"{CLASSIFICATION_FOLDER}/tables/{file}"
    for name, file in {
        "strategies_table": "strategies.tsv",
        "classes": "classes.tsv",
        "losses_table": "losses.tsv",
        "seeds": "seeds.tsv",
        "summary": "summary.json",
    }.items()
}
TRAINED_PACKAGES = ("torch", "numpy", "scikit-learn", "imbalanced-learn")
ENCODER_PACKAGES = (
    *("torch", "transformers", "accelerate", "tokenizers", "numpy"),
    "imbalanced-learn",
)


wildcard_constraints:
    strategy=r"[a-z][a-z0-9_]*",
    seed=r"\d+",


rule generate_rows:
    """Generate the embedded accounting rows, with faults that are written down apart."""
    output:
        generated=f"{CLASSIFICATION_FOLDER}/generated/rows.parquet",
        planted=f"{CLASSIFICATION_FOLDER}/generated/planted.parquet",
    log:
        "<results>/logs/classification/generate_rows/all.log",
    benchmark:
        "<results>/benchmarks/classification/generate_rows/all.jsonl"
    conda:
        "../envs/classification.yaml"
    resources:
        mem_mb=growing(500),
        runtime=growing(30),
    params:
        rows=CLASSIFICATION.config["generated"]["rows"],
        classes=CLASSIFICATION.config["generated"]["classes"],
        seed=CONFIG["seed"],
        code=code_version("scripts/classification/generate_rows.py", packages=("numpy",)),
    script:
        "../scripts/classification/generate_rows.py"


rule read_rows:
    """Read rows with their labels and texts, settle duplicates, extract a share."""
    input:
        inputs=CLASSIFICATION_FILES,
    output:
        rows=f"{CLASSIFICATION_FOLDER}/rows.parquet",
        report=f"{CLASSIFICATION_FOLDER}/read_report.json",
    log:
        "<results>/logs/classification/read_rows/all.log",
    benchmark:
        "<results>/benchmarks/classification/read_rows/all.jsonl"
    conda:
        "../envs/classification.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(120),
    params:
        label_column=lambda wildcards: CLASSIFICATION.column("label_column"),
        text_columns=lambda wildcards: CLASSIFICATION.column("text_columns"),
        group_column=lambda wildcards: CLASSIFICATION.column("group_column"),
        split_column=lambda wildcards: CLASSIFICATION.column("split_column"),
        separator=lambda wildcards: CLASSIFICATION.column("separator"),
        duplicates=CLASSIFICATION.config["duplicates"],
        near_duplicates=CLASSIFICATION.config["near_duplicates"],
        extract_ratio=CLASSIFICATION.config["extract_ratio"],
        extract_seed=CLASSIFICATION.config["extract_seed"],
        stratify_extract=CLASSIFICATION.config["stratify_extract"],
        code=code_version("scripts/classification/read_rows.py"),
    script:
        "../scripts/classification/read_rows.py"


rule filter_classes:
    """Drop, merge or set aside the rare classes; number the others."""
    input:
        rows=rules.read_rows.output.rows,
    output:
        kept=f"{CLASSIFICATION_FOLDER}/kept.parquet",
        report=f"{CLASSIFICATION_FOLDER}/filter_report.json",
        label_map=f"{CLASSIFICATION_FOLDER}/label_map.json",
    log:
        "<results>/logs/classification/filter_classes/all.log",
    benchmark:
        "<results>/benchmarks/classification/filter_classes/all.jsonl"
    conda:
        "../envs/classification.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(60),
    params:
        min_samples_per_class=CLASSIFICATION.config["min_samples_per_class"],
        rare_policy=CLASSIFICATION.config["rare_policy"],
        max_classes=CLASSIFICATION.config["max_classes"],
        code=code_version("scripts/classification/filter_classes.py"),
    script:
        "../scripts/classification/filter_classes.py"


rule split_rows:
    """Put each kept row into a split, groups whole, every class where it can be."""
    input:
        kept=rules.filter_classes.output.kept,
    output:
        splits=f"{CLASSIFICATION_FOLDER}/splits.parquet",
        coverage=f"{CLASSIFICATION_FOLDER}/split_coverage.json",
    log:
        "<results>/logs/classification/split_rows/all.log",
    benchmark:
        "<results>/benchmarks/classification/split_rows/all.jsonl"
    conda:
        "../envs/classification.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(60),
    params:
        test_size=CLASSIFICATION.config["test_size"],
        val_size=CLASSIFICATION.config["val_size"],
        seed=CONFIG["seed"],
        code=code_version("scripts/classification/split_rows.py", packages=("numpy",)),
    script:
        "../scripts/classification/split_rows.py"


rule find_label_noise:
    """Look for wrong labels by models that have not seen the rows that they judge."""
    input:
        kept=rules.filter_classes.output.kept,
    output:
        noise=f"{CLASSIFICATION_FOLDER}/label_noise.parquet",
    log:
        "<results>/logs/classification/find_label_noise/all.log",
    benchmark:
        "<results>/benchmarks/classification/find_label_noise/all.jsonl"
    conda:
        "../envs/classification.yaml"
    threads: CLASSIFICATION.config["threads"]
    resources:
        mem_mb=growing(2000),
        runtime=growing(240),
    params:
        folds=CLASSIFICATION.config["noise_folds"],
        seed=CONFIG["seed"],
        code=code_version(
            "scripts/classification/find_label_noise.py", packages=("numpy", "scikit-learn")
        ),
    script:
        "../scripts/classification/find_label_noise.py"


rule audit_labels:
    """Name every fault of the labels and of the splits, with figures and remedies."""
    input:
        rows=rules.read_rows.output.rows,
        kept=rules.filter_classes.output.kept,
        splits=rules.split_rows.output.splits,
        label_noise=rules.find_label_noise.output.noise,
        read_report=rules.read_rows.output.report,
        filter_report=rules.filter_classes.output.report,
        label_map=rules.filter_classes.output.label_map,
        coverage=rules.split_rows.output.coverage,
    output:
        **AUDITED,
    log:
        "<results>/logs/classification/audit_labels/all.log",
    benchmark:
        "<results>/benchmarks/classification/audit_labels/all.jsonl"
    conda:
        "../envs/classification.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(60),
    params:
        top_k=CLASSIFICATION.config["evaluation"]["top_k"],
        head_above=CLASSIFICATION.config["evaluation"]["head_above"],
        tail_below=CLASSIFICATION.config["evaluation"]["tail_below"],
        code=code_version("scripts/classification/audit_labels.py", packages=("numpy",)),
    script:
        "../scripts/classification/audit_labels.py"


rule score_audit:
    """Compare what the audit found with what was planted in the generated rows."""
    input:
        suspects=AUDITED["suspects"],
        planted=f"{CLASSIFICATION_FOLDER}/generated/planted.parquet",
    output:
        score=f"{CLASSIFICATION_FOLDER}/audit_score.tsv",
    log:
        "<results>/logs/classification/score_audit/all.log",
    benchmark:
        "<results>/benchmarks/classification/score_audit/all.jsonl"
    conda:
        "../envs/classification.yaml"
    resources:
        mem_mb=growing(500),
        runtime=growing(30),
    params:
        code=code_version("scripts/classification/score_audit.py"),
    script:
        "../scripts/classification/score_audit.py"


rule weigh_classes:
    """Compute the loss weights of every strategy from the training split."""
    input:
        splits=rules.split_rows.output.splits,
        label_map=rules.filter_classes.output.label_map,
    output:
        weights=f"{CLASSIFICATION_FOLDER}/class_weights.tsv",
    log:
        "<results>/logs/classification/weigh_classes/all.log",
    benchmark:
        "<results>/benchmarks/classification/weigh_classes/all.jsonl"
    conda:
        "../envs/classification.yaml"
    resources:
        mem_mb=growing(500),
        runtime=growing(30),
    params:
        strategies={name: CLASSIFICATION.settings(name) for name in CLASSIFICATION.strategies},
        code=code_version("scripts/classification/weigh_classes.py", packages=("numpy",)),
    script:
        "../scripts/classification/weigh_classes.py"


rule serialize_dataset:
    """Write the splits as a dataset that loads, and as Parquet."""
    input:
        kept=rules.filter_classes.output.kept,
        splits=rules.split_rows.output.splits,
        label_map=rules.filter_classes.output.label_map,
    output:
        dataset=directory(f"{CLASSIFICATION_FOLDER}/dataset"),
        parquet=directory(f"{CLASSIFICATION_FOLDER}/parquet"),
        manifest=f"{CLASSIFICATION_FOLDER}/manifest.json",
    log:
        "<results>/logs/classification/serialize_dataset/all.log",
    benchmark:
        "<results>/benchmarks/classification/serialize_dataset/all.jsonl"
    conda:
        "../envs/classification.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(60),
    params:
        code=code_version("scripts/classification/serialize_dataset.py", packages=("datasets",)),
    script:
        "../scripts/classification/serialize_dataset.py"


rule prepare_features:
    """Fit TF-IDF of character n-grams on the training split, and apply it to all three."""
    input:
        parquet=rules.serialize_dataset.output.parquet,
    output:
        features=directory(f"{CLASSIFICATION_FOLDER}/features"),
    log:
        "<results>/logs/classification/prepare_features/all.log",
    benchmark:
        "<results>/benchmarks/classification/prepare_features/all.jsonl"
    conda:
        "../envs/classification.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(120),
    params:
        ngram_min=CLASSIFICATION.config["tfidf"]["ngram_min"],
        ngram_max=CLASSIFICATION.config["tfidf"]["ngram_max"],
        max_features=CLASSIFICATION.config["tfidf"]["max_features"],
        min_count=CLASSIFICATION.config["tfidf"]["min_count"],
        code=code_version(
            "scripts/classification/prepare_features.py", packages=("numpy", "scikit-learn")
        ),
    script:
        "../scripts/classification/prepare_features.py"


rule train_unfiltered:
    """Train the linear model once with the rare classes too, for its losses alone."""
    input:
        rows=rules.read_rows.output.rows,
        splits=rules.split_rows.output.splits,
    output:
        losses=f"{CLASSIFICATION_FOLDER}/unfiltered_losses.json",
    log:
        "<results>/logs/classification/train_unfiltered/all.log",
    benchmark:
        "<results>/benchmarks/classification/train_unfiltered/all.jsonl"
    conda:
        "../envs/classification.yaml"
    threads: CLASSIFICATION.config["threads"]
    resources:
        mem_mb=growing(2000),
        runtime=growing(240),
    params:
        seed=CLASSIFICATION.config["training_seeds"][0],
        ngram_min=CLASSIFICATION.config["tfidf"]["ngram_min"],
        ngram_max=CLASSIFICATION.config["tfidf"]["ngram_max"],
        max_features=CLASSIFICATION.config["tfidf"]["max_features"],
        min_count=CLASSIFICATION.config["tfidf"]["min_count"],
        epochs=CLASSIFICATION.config["tfidf"]["epochs"],
        batch=CLASSIFICATION.config["tfidf"]["batch"],
        learning_rate=CLASSIFICATION.config["tfidf"]["learning_rate"],
        code_hash=code_version(
            "scripts/classification/train_unfiltered.py", packages=TRAINED_PACKAGES
        ),
        code=code_version("scripts/classification/train_unfiltered.py", packages=TRAINED_PACKAGES),
    script:
        "../scripts/classification/train_unfiltered.py"


rule train_linear:
    """Train a linear model on TF-IDF under a strategy, and score it once on the test split."""
    input:
        features=rules.prepare_features.output.features,
        parquet=rules.serialize_dataset.output.parquet,
        label_map=rules.filter_classes.output.label_map,
    output:
        **run_outputs("tfidf"),
    log:
        "<results>/logs/classification/train_linear/{strategy}/{seed}.log",
    benchmark:
        "<results>/benchmarks/classification/train_linear/{strategy}/{seed}.jsonl"
    conda:
        "../envs/classification.yaml"
    threads: CLASSIFICATION.config["threads"]
    resources:
        mem_mb=growing(2000),
        runtime=growing(240),
    params:
        settings=lambda wildcards: CLASSIFICATION.settings(wildcards.strategy),
        head_above=CLASSIFICATION.config["evaluation"]["head_above"],
        tail_below=CLASSIFICATION.config["evaluation"]["tail_below"],
        epochs=CLASSIFICATION.config["tfidf"]["epochs"],
        batch=CLASSIFICATION.config["tfidf"]["batch"],
        learning_rate=CLASSIFICATION.config["tfidf"]["learning_rate"],
        code_hash=code_version("scripts/classification/train_linear.py", packages=TRAINED_PACKAGES),
        code=code_version("scripts/classification/train_linear.py", packages=TRAINED_PACKAGES),
    script:
        "../scripts/classification/train_linear.py"


rule prepare_transformer:
    """Load or make the base model and its tokenizer, and tokenize the splits."""
    input:
        parquet=rules.serialize_dataset.output.parquet,
    output:
        encoder=directory(f"{CLASSIFICATION_FOLDER}/encoder"),
        tokens=directory(f"{CLASSIFICATION_FOLDER}/tokens"),
    log:
        "<results>/logs/classification/prepare_transformer/all.log",
    benchmark:
        "<results>/benchmarks/classification/prepare_transformer/all.jsonl"
    conda:
        "../envs/classification.yaml"
    resources:
        mem_mb=growing(3000),
        runtime=growing(120),
    params:
        pretrained=lambda wildcards: CLASSIFICATION.config["transformer"]["model"],
        revision=lambda wildcards: CLASSIFICATION.config["transformer"]["revision"],
        architecture=CLASSIFICATION.config["transformer"]["architecture"],
        sizes=CLASSIFICATION.sizes(),
        vocabulary=CLASSIFICATION.config["transformer"]["vocabulary"],
        length=CLASSIFICATION.config["transformer"]["max_tokens"],
        seed=CONFIG["seed"],
        code=code_version(
            "scripts/classification/prepare_transformer.py",
            packages=("torch", "transformers", "tokenizers"),
        ),
    script:
        "../scripts/classification/prepare_transformer.py"


rule train_transformer:
    """Train a transformer under a strategy, and score it once on the test split."""
    input:
        encoder=rules.prepare_transformer.output.encoder,
        tokens=rules.prepare_transformer.output.tokens,
        label_map=rules.filter_classes.output.label_map,
    output:
        **run_outputs("transformer"),
    log:
        "<results>/logs/classification/train_transformer/{strategy}/{seed}.log",
    benchmark:
        "<results>/benchmarks/classification/train_transformer/{strategy}/{seed}.jsonl"
    conda:
        "../envs/classification.yaml"
    threads: CLASSIFICATION.config["threads"]
    resources:
        mem_mb=growing(3000),
        runtime=growing(1440),
        gpu=1,
        save_steps=CLASSIFICATION.config["transformer"]["save_steps"],
    params:
        settings=lambda wildcards: CLASSIFICATION.settings(wildcards.strategy),
        head_above=CLASSIFICATION.config["evaluation"]["head_above"],
        tail_below=CLASSIFICATION.config["evaluation"]["tail_below"],
        epochs=CLASSIFICATION.config["transformer"]["epochs"],
        batch=CLASSIFICATION.config["transformer"]["batch"],
        learning_rate=CLASSIFICATION.config["transformer"]["learning_rate"],
        warmup_ratio=CLASSIFICATION.config["transformer"]["warmup_ratio"],
        weight_decay=CLASSIFICATION.config["transformer"]["weight_decay"],
        code_hash=code_version(
            "scripts/classification/train_transformer.py", packages=ENCODER_PACKAGES
        ),
        code=code_version("scripts/classification/train_transformer.py", packages=ENCODER_PACKAGES),
    script:
        "../scripts/classification/train_transformer.py"


rule compare_strategies:
    """Compare the strategies on one test split, and say in words which help."""
    input:
        metrics=files_of_trainings("metrics.json"),
        predictions=files_of_trainings("predictions.parquet"),
        per_class=files_of_trainings("per_class.tsv"),
        losses=files_of_trainings("losses.parquet"),
        splits=rules.split_rows.output.splits,
        kept=rules.filter_classes.output.kept,
        label_map=rules.filter_classes.output.label_map,
        filter_report=rules.filter_classes.output.report,
        imbalance=AUDITED["imbalance"],
    output:
        **CLASSIFICATION_TABLES,
    log:
        "<results>/logs/classification/compare_strategies/all.log",
    benchmark:
        "<results>/benchmarks/classification/compare_strategies/all.jsonl"
    conda:
        "../envs/classification.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(60),
    params:
        strategies=CLASSIFICATION.strategies,
        bootstrap=CLASSIFICATION.config["evaluation"]["bootstrap"],
        seed=CONFIG["seed"],
        head_above=CLASSIFICATION.config["evaluation"]["head_above"],
        tail_below=CLASSIFICATION.config["evaluation"]["tail_below"],
        code_hash=code_version(
            "scripts/classification/compare_strategies.py", packages=("numpy", "scipy")
        ),
        code=code_version(
            "scripts/classification/compare_strategies.py", packages=("numpy", "scipy")
        ),
    script:
        "../scripts/classification/compare_strategies.py"
