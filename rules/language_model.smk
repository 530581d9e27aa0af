"""Track 2, language_model: masked language models, trained and evaluated checkpoint by checkpoint.

PURPOSE   Base model of each length -> frozen evaluation sets -> one training job and one evaluation
          job for every checkpoint -> best checkpoint of each run -> tables.
INPUTS    The runs table (config key language_model.runs), the corpus track's datasets, its
          hold-out documents and its tokenizer.
OUTPUTS   <results>/language_model/base/{length}/                model.safetensors, config.json
          <results>/language_model/evaluation_sets/              items, descriptions, contamination
          <results>/language_model/train/{run}/epoch-{epoch}/    model, config, steps; last state,
                                                                 with patience every state
          <results>/language_model/train/{run}/best/, best.json  the validation half's choice
          <results>/language_model/evaluation/{run}/epoch-{epoch}/  a row per item and per held-out document, metrics
          <results>/language_model/tables/
TARGETS   language_model

With patience the evaluations decide how many checkpoints a run has: each is then a checkpoint in
Snakemake's sense, after which the jobs that read all of a run's evaluations are planned anew.
"""

MODEL_PACKAGES = ("torch", "transformers", "accelerate", "safetensors")
LANGUAGE_MODEL_TABLES = {
    name: f"<results>/language_model/tables/{file}"
    for name, file in {
        "metrics_parquet": "metrics.parquet",
        "metrics_table": "metrics.tsv",
        "runs_table": "runs.tsv",
        "differences": "differences.tsv",
        "targets_table": "targets.tsv",
        "seeds": "seeds.tsv",
        "losses": "losses.tsv",
        "advice": "advice.tsv",
        "summary": "summary.json",
    }.items()
}
SET_PACKAGES = ("kiwipiepy", "kiwipiepy_model", "tokenizers")


wildcard_constraints:
    run="[a-z][a-z0-9_]*",
    epoch=r"\d+\.\d+",


rule prepare_base_model:
    """Make or fetch the model that runs of a length start from, and lengthen it."""
    input:
        tokenizer="<results>/corpus/tokenizer/tokenizer.json",
    output:
        model="<results>/language_model/base/{length}/model.safetensors",
        model_config="<results>/language_model/base/{length}/config.json",
    log:
        "<results>/logs/language_model/prepare_base_model/{length}.log",
    benchmark:
        "<results>/benchmarks/language_model/prepare_base_model/{length}.jsonl"
    conda:
        "../envs/language_model.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        pretrained=lambda wildcards: CONFIG["language_model"]["base_model"]["model"],
        revision=lambda wildcards: CONFIG["language_model"]["base_model"]["revision"],
        architecture=CONFIG["language_model"]["base_model"]["architecture"],
        sizes=LANGUAGE_MODEL.fresh_sizes(),
        seed=CONFIG["seed"],
        code=code_version(
            "scripts/language_model/prepare_base_model.py", packages=MODEL_PACKAGES[:2]
        ),
    script:
        "../scripts/language_model/prepare_base_model.py"


rule train_epoch:
    """Train a run from one checkpoint to the next."""
    input:
        mlm_dataset=ancient(lambda wildcards: dataset_of_run(wildcards.run, "mlm", "dataset")),
        mlm_manifest=lambda wildcards: dataset_of_run(wildcards.run, "mlm", "manifest.json"),
        entity_dataset=ancient(
            lambda wildcards: dataset_of_run(wildcards.run, "entity_coref", "dataset")
        ),
        entity_manifest=lambda wildcards: dataset_of_run(
            wildcards.run, "entity_coref", "manifest.json"
        ),
        tokenizer="<results>/corpus/tokenizer/tokenizer.json",
        start=file_of_start("model.safetensors"),
        start_config=file_of_start("config.json"),
        choice=choice_of_start,
        state_before=state_of_previous,
    output:
        model="<results>/language_model/train/{run}/epoch-{epoch}/model.safetensors",
        model_config="<results>/language_model/train/{run}/epoch-{epoch}/config.json",
        steps="<results>/language_model/train/{run}/epoch-{epoch}/steps.parquet",
        state=kept_for_patience(
            "<results>/language_model/train/{run}/epoch-{epoch}/state.safetensors"
        ),
    log:
        "<results>/logs/language_model/train_epoch/{run}/epoch-{epoch}.log",
    benchmark:
        "<results>/benchmarks/language_model/train_epoch/{run}/epoch-{epoch}.jsonl"
    conda:
        "../envs/language_model.yaml"
    threads: CONFIG["language_model"]["threads"]
    resources:
        mem_mb=growing(8000),
        runtime=growing(1440),
        gpu=1,
        save_steps=CONFIG["language_model"]["save_steps"],
    params:
        previous_epoch=lambda wildcards: LANGUAGE_MODEL.previous(wildcards.run, wildcards.epoch),
        kind=setting_of_run("kind"),
        length=setting_of_run("length"),
        schedule_epochs=setting_of_run("schedule_epochs"),
        lr=setting_of_run("lr"),
        warmup_ratio=setting_of_run("warmup_ratio"),
        weight_decay=setting_of_run("weight_decay"),
        mask_min=setting_of_run("mask_min"),
        mask_max=setting_of_run("mask_max"),
        whole_word=setting_of_run("whole_word"),
        entity_share=setting_of_run("entity_share"),
        entity_supervision=setting_of_run("entity_supervision"),
        extra_masking=setting_of_run("extra_masking"),
        batch=setting_of_run("batch"),
        grad_accumulation=setting_of_run("grad_accumulation"),
        max_grad_norm=setting_of_run("max_grad_norm"),
        precision=setting_of_run("precision"),
        seed=setting_of_run("seed"),
        gradient_checkpointing=CONFIG["language_model"]["gradient_checkpointing"],
        events=lambda wildcards, output: events_of_run(wildcards.run, output.model),
        code_hash=code_version("scripts/language_model/train_epoch.py", packages=MODEL_PACKAGES),
        code=code_version("scripts/language_model/train_epoch.py", packages=MODEL_PACKAGES),
    script:
        "../scripts/language_model/train_epoch.py"


if LANGUAGE_MODEL:

    # A run's last state is kept: it is what further epochs go on from (docs/decisions.md).
    use rule train_epoch as train_last_epoch with:
        output:
            model="<results>/language_model/train/{run}/epoch-{epoch}/model.safetensors",
            model_config="<results>/language_model/train/{run}/epoch-{epoch}/config.json",
            steps="<results>/language_model/train/{run}/epoch-{epoch}/steps.parquet",
            state="<results>/language_model/train/{run}/epoch-{epoch}/state.safetensors",
        wildcard_constraints:
            run=LANGUAGE_MODEL.last_checkpoints(),

    ruleorder: train_last_epoch > train_epoch


rule select_checkpoint:
    """Choose a run's best checkpoint by the composite on the validation half, and copy it."""
    input:
        scores=files_of_checkpoints("evaluation", "items.parquet"),
        metrics=files_of_checkpoints("evaluation", "metrics.json"),
        models=ancient(files_of_checkpoints("train", "model.safetensors")),
        configs=ancient(files_of_checkpoints("train", "config.json")),
        steps=files_of_checkpoints("train", "steps.parquet"),
    output:
        best="<results>/language_model/train/{run}/best.json",
        model="<results>/language_model/train/{run}/best/model.safetensors",
        config="<results>/language_model/train/{run}/best/config.json",
    log:
        "<results>/logs/language_model/select_checkpoint/{run}.log",
    benchmark:
        "<results>/benchmarks/language_model/select_checkpoint/{run}.jsonl"
    conda:
        "../envs/language_model.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(30),
    params:
        epochs=lambda wildcards: reached_epochs(wildcards.run),
        weights=CONFIG["language_model"]["evaluation"]["weights"],
        resamples=CONFIG["language_model"]["evaluation"]["bootstrap"],
        seed=CONFIG["seed"],
        code=code_version("scripts/language_model/select_checkpoint.py"),
    script:
        "../scripts/language_model/select_checkpoint.py"


rule refuse_start:
    """End a run that starts from an epoch which another run was stopped before."""
    input:
        scores=scores_of_parent,
    output:
        refusal="<results>/language_model/train/{run}/refused.json",
    log:
        "<results>/logs/language_model/refuse_start/{run}.log",
    benchmark:
        "<results>/benchmarks/language_model/refuse_start/{run}.jsonl"
    conda:
        "../envs/language_model.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(30),
    params:
        init=setting_of_run("init"),
        epochs=lambda wildcards: reached_epochs(LANGUAGE_MODEL.parent(wildcards.run)[0]),
        weights=CONFIG["language_model"]["evaluation"]["weights"],
        patience=CONFIG["language_model"]["patience"],
        code=code_version("scripts/language_model/refuse_start.py"),
    script:
        "../scripts/language_model/refuse_start.py"


rule build_real_coref:
    """Build the evaluation set of repeated names in hold-out documents."""
    input:
        documents=ancient(document_folders()),
        scores=shard_files("scores"),
        splits="<results>/corpus/splits.parquet",
        entities=files_of_lengths("corpus/caps", "entities.parquet"),
        tokenizer="<results>/corpus/tokenizer/tokenizer.json",
    output:
        evaluation_set="<results>/language_model/proposed_sets/real_coref.parquet",
        description="<results>/language_model/proposed_sets/real_coref.json",
    log:
        "<results>/logs/language_model/build_real_coref/all.log",
    benchmark:
        "<results>/benchmarks/language_model/build_real_coref/all.jsonl"
    # As check_contamination.
    priority: 100
    conda:
        "../envs/language_model.yaml"
    resources:
        mem_mb=growing(1500),
        runtime=growing(240),
        batch_documents=CONFIG["corpus"]["batch_documents"],
    params:
        length=LANGUAGE_MODEL.shortest_length(),
        max_masks=CONFIG["language_model"]["evaluation"]["max_masks"],
        max_items=CONFIG["language_model"]["evaluation"]["items"],
        items_per_document=CONFIG["language_model"]["evaluation"]["items_per_document"],
        min_distance=CONFIG["language_model"]["evaluation"]["min_distance"],
        min_syllables=CONFIG["corpus"]["entity_coref"]["min_syllables"],
        max_mentions=CONFIG["corpus"]["entity_coref"]["max_mentions"],
        seed=CONFIG["seed"],
        code_hash=code_version("scripts/language_model/build_real_coref.py", packages=SET_PACKAGES),
        code=code_version("scripts/language_model/build_real_coref.py", packages=SET_PACKAGES),
    script:
        "../scripts/language_model/build_real_coref.py"


rule build_lambada:
    """Build the evaluation set of final nouns, or take one with blanks and answers."""
    input:
        documents=ancient(document_folders()),
        scores=shard_files("scores"),
        splits="<results>/corpus/splits.parquet",
        entities=files_of_lengths("corpus/caps", "entities.parquet"),
        tokenizer="<results>/corpus/tokenizer/tokenizer.json",
        blanks=BLANKS_FILE or [],
    output:
        evaluation_set="<results>/language_model/proposed_sets/lambada.parquet",
        description="<results>/language_model/proposed_sets/lambada.json",
    log:
        "<results>/logs/language_model/build_lambada/all.log",
    benchmark:
        "<results>/benchmarks/language_model/build_lambada/all.jsonl"
    # As check_contamination.
    priority: 100
    conda:
        "../envs/language_model.yaml"
    resources:
        mem_mb=growing(1500),
        runtime=growing(240),
        batch_documents=CONFIG["corpus"]["batch_documents"],
    params:
        hub=lambda wildcards: LANGUAGE_MODEL.blanks_of_hub(BLANKS_FILE),
        revision=lambda wildcards: CONFIG["language_model"]["evaluation"]["lambada"]["revision"],
        split=lambda wildcards: CONFIG["language_model"]["evaluation"]["lambada"]["split"],
        length=LANGUAGE_MODEL.shortest_length(),
        max_masks=CONFIG["language_model"]["evaluation"]["max_masks"],
        max_items=CONFIG["language_model"]["evaluation"]["lambada"]["items"],
        min_characters=CONFIG["language_model"]["evaluation"]["lambada"]["min_characters"],
        max_choices=CONFIG["language_model"]["evaluation"]["lambada"]["max_choices"],
        min_syllables=CONFIG["corpus"]["entity_coref"]["min_syllables"],
        seed=CONFIG["seed"],
        code_hash=code_version("scripts/language_model/build_lambada.py", packages=SET_PACKAGES),
        code=code_version("scripts/language_model/build_lambada.py", packages=SET_PACKAGES),
    script:
        "../scripts/language_model/build_lambada.py"


if GOLD_FILE is not None:

    rule build_gold_coref:
        """Build the evaluation set of gold coreference clusters."""
        input:
            gold=GOLD_FILE,
            entities=files_of_lengths("corpus/caps", "entities.parquet"),
            tokenizer="<results>/corpus/tokenizer/tokenizer.json",
        output:
            evaluation_set="<results>/language_model/proposed_sets/gold_coref.parquet",
            description="<results>/language_model/proposed_sets/gold_coref.json",
        log:
            "<results>/logs/language_model/build_gold_coref/all.log",
        benchmark:
            "<results>/benchmarks/language_model/build_gold_coref/all.jsonl"
        # As check_contamination.
        priority: 100
        conda:
            "../envs/language_model.yaml"
        resources:
            mem_mb=growing(1500),
            runtime=growing(120),
        params:
            name=lambda wildcards: Path(GOLD_FILE).name.split(".")[0],
            text_field=lambda wildcards: CONFIG["language_model"]["evaluation"]["gold"][
                "text_field"
            ],
            passage_field=lambda wildcards: CONFIG["language_model"]["evaluation"]["gold"][
                "passage_field"
            ],
            document_field=lambda wildcards: CONFIG["language_model"]["evaluation"]["gold"][
                "document_field"
            ],
            clusters_field=lambda wildcards: CONFIG["language_model"]["evaluation"]["gold"][
                "clusters_field"
            ],
            length=LANGUAGE_MODEL.shortest_length(),
            max_masks=CONFIG["language_model"]["evaluation"]["max_masks"],
            max_items=CONFIG["language_model"]["evaluation"]["gold"]["items"],
            items_per_document=CONFIG["language_model"]["evaluation"]["gold"]["items_per_document"],
            min_syllables=CONFIG["corpus"]["entity_coref"]["min_syllables"],
            min_distance=CONFIG["language_model"]["evaluation"]["min_distance"],
            seed=CONFIG["seed"],
            code_hash=code_version(
                "scripts/language_model/build_gold_coref.py", packages=SET_PACKAGES
            ),
            code=code_version("scripts/language_model/build_gold_coref.py", packages=SET_PACKAGES),
        script:
            "../scripts/language_model/build_gold_coref.py"


rule screen_items:
    """Leave out the evaluation items whose text stands in a training document."""
    input:
        proposed=evaluation_set_files(folder="proposed_sets"),
        proposed_descriptions=evaluation_set_files("json", folder="proposed_sets"),
        splits="<results>/corpus/splits.parquet",
        documents=ancient(document_folders()),
    output:
        sets=evaluation_set_files(),
        descriptions=evaluation_set_files("json"),
        screened="<results>/language_model/evaluation_sets/screened.parquet",
    log:
        "<results>/logs/language_model/screen_items/all.log",
    benchmark:
        "<results>/benchmarks/language_model/screen_items/all.jsonl"
    # As check_contamination.
    priority: 100
    conda:
        "../envs/language_model.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(240),
        batch_documents=CONFIG["corpus"]["batch_documents"],
    params:
        shingle_characters=CONFIG["corpus"]["near_duplicates"]["shingle_characters"],
        threshold=CONFIG["language_model"]["evaluation"]["contamination_share"],
        code_hash=code_version("scripts/language_model/screen_items.py", packages=()),
        code=code_version("scripts/language_model/screen_items.py", packages=()),
    script:
        "../scripts/language_model/screen_items.py"


rule check_contamination:
    """Check that no training set holds anything of an evaluation set; end the run where one does."""
    input:
        sets=evaluation_set_files(),
        splits="<results>/corpus/splits.parquet",
        documents=ancient(document_folders()),
        datasets=ancient(datasets_of_runs("dataset")),
        manifests=datasets_of_runs("manifest.json"),
    output:
        contamination="<results>/language_model/evaluation_sets/contamination.json",
    log:
        "<results>/logs/language_model/check_contamination/all.log",
    benchmark:
        "<results>/benchmarks/language_model/check_contamination/all.jsonl"
    # Before training, which takes longer; so is what it needs.
    priority: 100
    conda:
        "../envs/language_model.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(240),
        batch_documents=CONFIG["corpus"]["batch_documents"],
    params:
        shingle_characters=CONFIG["corpus"]["near_duplicates"]["shingle_characters"],
        threshold=CONFIG["language_model"]["evaluation"]["contamination_share"],
        seed=CONFIG["seed"],
        code_hash=code_version("scripts/language_model/check_contamination.py", packages=()),
        code=code_version("scripts/language_model/check_contamination.py", packages=()),
    script:
        "../scripts/language_model/check_contamination.py"


checkpoint evaluate_checkpoint:
    """Evaluate a checkpoint on all evaluation sets and on held-out text."""
    input:
        model=file_of_checkpoint("model.safetensors"),
        model_config=file_of_checkpoint("config.json"),
        tokenizer="<results>/corpus/tokenizer/tokenizer.json",
        sets=evaluation_set_files(),
        contamination="<results>/language_model/evaluation_sets/contamination.json",
        heldout=ancient(heldout_file("dataset")),
        heldout_manifest=heldout_file("manifest.json"),
    output:
        scores="<results>/language_model/evaluation/{run}/epoch-{epoch}/items.parquet",
        heldout_scores="<results>/language_model/evaluation/{run}/epoch-{epoch}/heldout.parquet",
        metrics="<results>/language_model/evaluation/{run}/epoch-{epoch}/metrics.json",
    log:
        "<results>/logs/language_model/evaluate_checkpoint/{run}/epoch-{epoch}.log",
    benchmark:
        "<results>/benchmarks/language_model/evaluate_checkpoint/{run}/epoch-{epoch}.jsonl"
    conda:
        "../envs/language_model.yaml"
    threads: CONFIG["language_model"]["threads"]
    resources:
        mem_mb=growing(6000),
        runtime=growing(240),
        gpu=1,
        batch_tokens=CONFIG["language_model"]["evaluation"]["batch_tokens"],
    params:
        length=setting_of_run("length"),
        max_masks=CONFIG["language_model"]["evaluation"]["max_masks"],
        top_candidates=CONFIG["language_model"]["evaluation"]["top_candidates"],
        heldout_mask_rate=CONFIG["language_model"]["evaluation"]["heldout_mask_rate"],
        heldout_tokens=CONFIG["language_model"]["evaluation"]["heldout_tokens"],
        perplexity_sentences=CONFIG["language_model"]["evaluation"]["pseudo_perplexity_sentences"],
        precision=setting_of_run("precision"),
        seed=CONFIG["seed"],
        code_hash=code_version(
            "scripts/language_model/evaluate_checkpoint.py",
            packages=(*MODEL_PACKAGES[:2], *SET_PACKAGES),
        ),
        code=code_version(
            "scripts/language_model/evaluate_checkpoint.py",
            packages=(*MODEL_PACKAGES[:2], *SET_PACKAGES),
        ),
    script:
        "../scripts/language_model/evaluate_checkpoint.py"


# Without patience no plan hangs on an evaluation: the job graph is whole from the start, and a
# training state is deleted once it has been read (while checkpoints are open, Snakemake waits).
workflow.get_rule("evaluate_checkpoint").is_checkpoint = LANGUAGE_MODEL.patience is not None


rule score_baselines:
    """Score the evaluation sets without a model."""
    input:
        sets=evaluation_set_files(),
        scores=shard_files("scores"),
        splits="<results>/corpus/splits.parquet",
    output:
        baselines="<results>/language_model/baselines.parquet",
    log:
        "<results>/logs/language_model/score_baselines/all.log",
    benchmark:
        "<results>/benchmarks/language_model/score_baselines/all.jsonl"
    conda:
        "../envs/language_model.yaml"
    resources:
        mem_mb=growing(1500),
        runtime=growing(120),
        batch_documents=CONFIG["corpus"]["batch_documents"],
    params:
        code=code_version("scripts/language_model/score_baselines.py"),
    script:
        "../scripts/language_model/score_baselines.py"


rule summarize_language_model:
    """Write the track's tables: metrics, verdicts, paired differences, advice."""
    input:
        scores=files_of_all_checkpoints("evaluation", "items.parquet", with_start=True),
        heldout_scores=files_of_all_checkpoints("evaluation", "heldout.parquet", with_start=True),
        metrics=files_of_all_checkpoints("evaluation", "metrics.json", with_start=True),
        steps=files_of_all_checkpoints("train", "steps.parquet", with_start=False),
        bests=expand("<results>/language_model/train/{run}/best.json", run=LANGUAGE_MODEL.runs),
        baselines="<results>/language_model/baselines.parquet",
        evaluation_sets=evaluation_set_files("json"),
        contamination="<results>/language_model/evaluation_sets/contamination.json",
    output:
        **LANGUAGE_MODEL_TABLES,
    log:
        "<results>/logs/language_model/summarize_language_model/all.log",
    benchmark:
        "<results>/benchmarks/language_model/summarize_language_model/all.jsonl"
    conda:
        "../envs/language_model.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        runs=lambda wildcards: LANGUAGE_MODEL.runs,
        evaluated=lambda wildcards: reached_checkpoints(with_start=True),
        trained=lambda wildcards: reached_checkpoints(with_start=False),
        weights=CONFIG["language_model"]["evaluation"]["weights"],
        targets=CONFIG["language_model"]["evaluation"]["targets"],
        expected=LANGUAGE_MODEL.expected_ranges(),
        patience=CONFIG["language_model"]["evaluation"]["patience"],
        stop_patience=CONFIG["language_model"]["patience"],
        results_folder=lambda wildcards, output: results_of(output.summary),
        resamples=CONFIG["language_model"]["evaluation"]["bootstrap"],
        seed=CONFIG["seed"],
        code_hash=code_version("scripts/language_model/summarize_language_model.py"),
        code=code_version("scripts/language_model/summarize_language_model.py"),
    script:
        "../scripts/language_model/summarize_language_model.py"
