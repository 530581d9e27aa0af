"""Track 1, corpus: Korean documents to entity-coreference and MLM datasets.

PURPOSE   Sources -> shards -> fingerprints and one Kiwi analysis -> selection with a reason for
          every document -> split by document group -> datasets of each length -> tables.
INPUTS    The sources table (config key corpus.sources) and the files that it names.
OUTPUTS   <results>/corpus/{entity_coref,mlm}/{length}/dataset   datasets for load_from_disk
          <results>/corpus/{entity_coref,mlm}/{length}/manifest.json, fates.parquet
          <results>/corpus/tables/*.tsv, summary.json
TARGETS   corpus
"""

KIWI = ("kiwipiepy", "kiwipiepy_model")


wildcard_constraints:
    source="[a-z][a-z0-9_]*",
    shard=r"\d{3}",
    length=r"\d+",
    dataset=r"entity_coref_\d+|mlm",


rule fetch_source:
    """Bring a source's files here, or point at local ones, and describe them in a manifest."""
    input:
        local_files=files_of_source,
    output:
        manifest="<results>/corpus/sources/{source}/manifest.json",
    log:
        "<results>/logs/corpus/fetch_source/{source}.log",
    benchmark:
        "<results>/benchmarks/corpus/fetch_source/{source}.jsonl"
    conda:
        "../envs/corpus.yaml"
    resources:
        mem_mb=growing(500),
        runtime=growing(1440),
    params:
        kind=lambda wildcards: CORPUS.sources[wildcards.source]["kind"],
        location=lambda wildcards: CORPUS.sources[wildcards.source]["location"],
        subset=lambda wildcards: CORPUS.sources[wildcards.source]["config"] or None,
        split=lambda wildcards: CORPUS.sources[wildcards.source]["split"] or None,
        revision=lambda wildcards: CORPUS.sources[wildcards.source]["revision"] or None,
        sha256=lambda wildcards: CORPUS.sources[wildcards.source]["sha256"],
        demo_articles=lambda wildcards: CORPUS.demo_articles(wildcards.source),
        seed=lambda wildcards: CORPUS.demo_seed(wildcards.source),
        code=code_version("scripts/corpus/fetch_source.py"),
    script:
        "../scripts/corpus/fetch_source.py"


rule shard_source:
    """Normalize a source's documents and sort them into a fixed number of shards."""
    input:
        manifest="<results>/corpus/sources/{source}/manifest.json",
    output:
        documents=directory("<results>/corpus/documents/{source}"),
        shard_manifest="<results>/corpus/sources/{source}/shards.json",
        unreadable="<results>/corpus/sources/{source}/unreadable.parquet",
    log:
        "<results>/logs/corpus/shard_source/{source}.log",
    benchmark:
        "<results>/benchmarks/corpus/shard_source/{source}.jsonl"
    conda:
        "../envs/corpus.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(720),
    params:
        shards=lambda wildcards: CORPUS.sources[wildcards.source]["shards"],
        text_fields=lambda wildcards: CORPUS.sources[wildcards.source]["text_fields"],
        separator=lambda wildcards: CORPUS.separator(wildcards.source),
        id_field=lambda wildcards: CORPUS.sources[wildcards.source]["id_field"],
        txt_unit=lambda wildcards: CORPUS.sources[wildcards.source]["txt_unit"],
        max_documents=lambda wildcards: CORPUS.sources[wildcards.source]["max_documents"],
        code=code_version("scripts/corpus/shard_source.py"),
    script:
        "../scripts/corpus/shard_source.py"


rule deduplicate:
    """Find the documents whose text is analysed in another place."""
    input:
        documents=ancient(document_folders()),
        manifests=files_of_sources("sources", "shards.json"),
    output:
        duplicates=shard_files("duplicates"),
    log:
        "<results>/logs/corpus/deduplicate/all.log",
    benchmark:
        "<results>/benchmarks/corpus/deduplicate/all.jsonl"
    conda:
        "../envs/corpus.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(240),
    params:
        source_order=CORPUS.source_order,
        code=code_version("scripts/corpus/deduplicate.py"),
    script:
        "../scripts/corpus/deduplicate.py"


rule score_shard:
    """Measure every document of a shard, with one Kiwi analysis for those that can pass."""
    input:
        documents=ancient("<results>/corpus/documents/{source}"),
        manifest="<results>/corpus/sources/{source}/shards.json",
        duplicates="<results>/corpus/duplicates/{source}/{shard}.parquet",
    output:
        scores="<results>/corpus/scores/{source}/{shard}.parquet",
    log:
        "<results>/logs/corpus/score_shard/{source}/{shard}.log",
    benchmark:
        "<results>/benchmarks/corpus/score_shard/{source}/{shard}.jsonl"
    conda:
        "../envs/corpus.yaml"
    threads: effort_of_source("workers")
    resources:
        mem_mb=growing(1200),
        runtime=growing(240),
        batch_documents=effort_of_source("batch_documents"),
        chunk_documents=effort_of_source("chunk_documents"),
    params:
        analyse=lambda wildcards: CORPUS.uses(wildcards.source, "entity_coref"),
        min_characters=CORPUS.floor()["min_characters"],
        max_characters=CORPUS.floor()["max_characters"],
        min_sentence_marks=CORPUS.floor()["min_sentence_marks"],
        min_hangul_ratio=CORPUS.floor()["min_hangul_ratio"],
        max_symbol_ratio=CORPUS.floor()["max_symbol_ratio"],
        max_failed_share=CORPUS.floor()["max_failed_share"],
        code=code_version("scripts/corpus/score_shard.py", packages=KIWI),
    script:
        "../scripts/corpus/score_shard.py"


rule fingerprint_shard:
    """Compute the MinHash bands of a shard's documents."""
    input:
        documents=ancient("<results>/corpus/documents/{source}"),
        manifest="<results>/corpus/sources/{source}/shards.json",
        duplicates="<results>/corpus/duplicates/{source}/{shard}.parquet",
    output:
        signatures="<results>/corpus/signatures/{source}/{shard}.parquet",
    log:
        "<results>/logs/corpus/fingerprint_shard/{source}/{shard}.log",
    benchmark:
        "<results>/benchmarks/corpus/fingerprint_shard/{source}/{shard}.jsonl"
    conda:
        "../envs/corpus.yaml"
    resources:
        mem_mb=growing(600),
        runtime=growing(60),
        batch_documents=effort_of_source("batch_documents"),
    params:
        shingle_characters=CONFIG["corpus"]["near_duplicates"]["shingle_characters"],
        bands=CONFIG["corpus"]["near_duplicates"]["bands"],
        band_rows=CONFIG["corpus"]["near_duplicates"]["band_rows"],
        seed=CONFIG["seed"],
        code=code_version("scripts/corpus/fingerprint_shard.py", packages=("rensa",)),
    script:
        "../scripts/corpus/fingerprint_shard.py"


rule group_near_duplicates:
    """Link texts that share a band and are similar enough; groups are connected components."""
    input:
        signatures=shard_files("signatures"),
        documents=ancient(document_folders()),
        manifests=files_of_sources("sources", "shards.json"),
    output:
        groups="<results>/corpus/groups.parquet",
    log:
        "<results>/logs/corpus/group_near_duplicates/all.log",
    benchmark:
        "<results>/benchmarks/corpus/group_near_duplicates/all.jsonl"
    conda:
        "../envs/corpus.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(480),
    params:
        min_jaccard=CONFIG["corpus"]["near_duplicates"]["min_jaccard"],
        shingle_characters=CONFIG["corpus"]["near_duplicates"]["shingle_characters"],
        code=code_version("scripts/corpus/group_near_duplicates.py"),
    script:
        "../scripts/corpus/group_near_duplicates.py"


rule split_documents:
    """Give every document its split, by group."""
    input:
        documents=ancient(document_folders()),
        manifests=files_of_sources("sources", "shards.json"),
        groups="<results>/corpus/groups.parquet",
    output:
        splits="<results>/corpus/splits.parquet",
    log:
        "<results>/logs/corpus/split_documents/all.log",
    benchmark:
        "<results>/benchmarks/corpus/split_documents/all.jsonl"
    conda:
        "../envs/corpus.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(120),
    params:
        validation=CONFIG["corpus"]["split"]["validation"],
        test=CONFIG["corpus"]["split"]["test"],
        holdout=CONFIG["corpus"]["split"]["holdout"],
        seed=CONFIG["seed"],
        code=code_version("scripts/corpus/split_documents.py"),
    script:
        "../scripts/corpus/split_documents.py"


if CONFIG["corpus"]["tokenizer"]["model"] is None:

    rule train_tokenizer:
        """Train a WordPiece tokenizer on the training split."""
        input:
            documents=ancient(document_folders()),
            manifests=files_of_sources("sources", "shards.json"),
            splits="<results>/corpus/splits.parquet",
        output:
            tokenizer="<results>/corpus/tokenizer/tokenizer.json",
            tokenizer_config="<results>/corpus/tokenizer/tokenizer_config.json",
        log:
            "<results>/logs/corpus/train_tokenizer/all.log",
        benchmark:
            "<results>/benchmarks/corpus/train_tokenizer/all.jsonl"
        conda:
            "../envs/corpus.yaml"
        resources:
            mem_mb=growing(1000),
            runtime=growing(60),
            batch_documents=CONFIG["corpus"]["batch_documents"],
        params:
            vocabulary=CONFIG["corpus"]["tokenizer"]["vocabulary"],
            training_documents=CONFIG["corpus"]["tokenizer"]["training_documents"],
            code=code_version("scripts/corpus/train_tokenizer.py", packages=("tokenizers",)),
        script:
            "../scripts/corpus/train_tokenizer.py"

else:

    rule fetch_tokenizer:
        """Fetch the tokenizer of a hub model or a local folder."""
        output:
            tokenizer="<results>/corpus/tokenizer/tokenizer.json",
            tokenizer_config="<results>/corpus/tokenizer/tokenizer_config.json",
        log:
            "<results>/logs/corpus/fetch_tokenizer/all.log",
        benchmark:
            "<results>/benchmarks/corpus/fetch_tokenizer/all.jsonl"
        conda:
            "../envs/corpus.yaml"
        resources:
            mem_mb=growing(1000),
            runtime=growing(30),
        params:
            model=lambda wildcards: CONFIG["corpus"]["tokenizer"]["model"],
            revision=lambda wildcards: CONFIG["corpus"]["tokenizer"]["revision"],
            code=code_version(
                "scripts/corpus/fetch_tokenizer.py", packages=("tokenizers", "transformers")
            ),
        script:
            "../scripts/corpus/fetch_tokenizer.py"


rule measure_fertility:
    """Measure tokens per character, and set the character ceiling of each length."""
    input:
        documents=ancient(document_folders()),
        manifests=files_of_sources("sources", "shards.json"),
        splits="<results>/corpus/splits.parquet",
        tokenizer="<results>/corpus/tokenizer/tokenizer.json",
    output:
        fertility="<results>/corpus/tokenizer/fertility.json",
    log:
        "<results>/logs/corpus/measure_fertility/all.log",
    benchmark:
        "<results>/benchmarks/corpus/measure_fertility/all.jsonl"
    conda:
        "../envs/corpus.yaml"
    resources:
        mem_mb=growing(600),
        runtime=growing(60),
        batch_documents=CONFIG["corpus"]["batch_documents"],
    params:
        lengths=CONFIG["corpus"]["lengths"],
        max_characters=CONFIG["corpus"]["entity_coref"]["max_characters"],
        analysed_characters=CORPUS.floor()["max_characters"],
        fertility_documents=CONFIG["corpus"]["fertility_documents"],
        code=code_version("scripts/corpus/measure_fertility.py", packages=("tokenizers",)),
    script:
        "../scripts/corpus/measure_fertility.py"


rule select_documents:
    """Decide for every document whether a dataset takes it, with the first reason if not."""
    input:
        scores=shard_files("scores"),
        splits="<results>/corpus/splits.parquet",
        fertility=fertility_of_dataset,
    output:
        selection="<results>/corpus/selection/{dataset}.parquet",
    log:
        "<results>/logs/corpus/select_documents/{dataset}.log",
    benchmark:
        "<results>/benchmarks/corpus/select_documents/{dataset}.jsonl"
    conda:
        "../envs/corpus.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(120),
    params:
        sources=lambda wildcards: CORPUS.sources_of(CORPUS.kind_of(wildcards.dataset)),
        source_order=CORPUS.source_order,
        thresholds=lambda wildcards: CORPUS.limits(CORPUS.kind_of(wildcards.dataset)),
        length=lambda wildcards: CORPUS.length_of(wildcards.dataset),
        code=code_version("scripts/corpus/select_documents.py"),
    script:
        "../scripts/corpus/select_documents.py"


rule tokenize_shard:
    """Tokenize the documents of a shard that some dataset takes, once for all lengths."""
    input:
        documents=ancient("<results>/corpus/documents/{source}"),
        manifest="<results>/corpus/sources/{source}/shards.json",
        selections=expand("<results>/corpus/selection/{dataset}.parquet", dataset=CORPUS.datasets()),
        tokenizer="<results>/corpus/tokenizer/tokenizer.json",
    output:
        tokens="<results>/corpus/tokens/{source}/{shard}.parquet",
    log:
        "<results>/logs/corpus/tokenize_shard/{source}/{shard}.log",
    benchmark:
        "<results>/benchmarks/corpus/tokenize_shard/{source}/{shard}.jsonl"
    conda:
        "../envs/corpus.yaml"
    resources:
        mem_mb=growing(800),
        runtime=growing(60),
        batch_documents=effort_of_source("batch_documents"),
    params:
        code=code_version("scripts/corpus/tokenize_shard.py", packages=("tokenizers",)),
    script:
        "../scripts/corpus/tokenize_shard.py"


rule pair_mentions:
    """Pair repeated entities with their first mention, splice the masks, place the windows."""
    input:
        documents=ancient("<results>/corpus/documents/{source}"),
        manifest="<results>/corpus/sources/{source}/shards.json",
        scores="<results>/corpus/scores/{source}/{shard}.parquet",
        tokens="<results>/corpus/tokens/{source}/{shard}.parquet",
        selection="<results>/corpus/selection/entity_coref_{length}.parquet",
        tokenizer="<results>/corpus/tokenizer/tokenizer.json",
        stop_list=STOP_LIST,
    output:
        candidates="<results>/corpus/candidates/{length}/{source}/{shard}.parquet",
        outcomes="<results>/corpus/outcomes/{length}/{source}/{shard}.parquet",
        pair_counts="<results>/corpus/pair_counts/{length}/{source}/{shard}.parquet",
    log:
        "<results>/logs/corpus/pair_mentions/{length}/{source}/{shard}.log",
    benchmark:
        "<results>/benchmarks/corpus/pair_mentions/{length}/{source}/{shard}.jsonl"
    conda:
        "../envs/corpus.yaml"
    resources:
        mem_mb=growing(800),
        runtime=growing(60),
        batch_documents=effort_of_source("batch_documents"),
    params:
        min_syllables=CONFIG["corpus"]["entity_coref"]["min_syllables"],
        max_mentions=CONFIG["corpus"]["entity_coref"]["max_mentions"],
        min_distance=CONFIG["corpus"]["entity_coref"]["min_distance"],
        max_distance=CONFIG["corpus"]["entity_coref"]["max_distance"],
        merge_substrings=CONFIG["corpus"]["entity_coref"]["merge_substrings"],
        seed=CONFIG["seed"],
        code=code_version("scripts/corpus/pair_mentions.py", packages=("tokenizers",)),
    script:
        "../scripts/corpus/pair_mentions.py"


rule cap_entities:
    """Find the last training sample of each entity under the cap, and the entities too rare."""
    input:
        candidates=shards_of_datasets("candidates"),
    output:
        cutoffs="<results>/corpus/caps/{length}/cutoffs.parquet",
        rare="<results>/corpus/caps/{length}/rare.parquet",
        entities="<results>/corpus/caps/{length}/entities.parquet",
    log:
        "<results>/logs/corpus/cap_entities/{length}.log",
    benchmark:
        "<results>/benchmarks/corpus/cap_entities/{length}.jsonl"
    conda:
        "../envs/corpus.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(120),
    params:
        min_entity_freq=CONFIG["corpus"]["entity_coref"]["min_entity_freq"],
        max_entity_freq=CONFIG["corpus"]["entity_coref"]["max_entity_freq"],
        code=code_version("scripts/corpus/cap_entities.py"),
    script:
        "../scripts/corpus/cap_entities.py"


rule build_entity_coref:
    """Build the entity-coreference dataset of a length."""
    input:
        candidates=shards_of_datasets("candidates"),
        tokens=tokens_of_kind("entity_coref"),
        outcomes=shards_of_datasets("outcomes"),
        pair_counts=shards_of_datasets("pair_counts"),
        selection="<results>/corpus/selection/entity_coref_{length}.parquet",
        cutoffs="<results>/corpus/caps/{length}/cutoffs.parquet",
        rare="<results>/corpus/caps/{length}/rare.parquet",
        entities="<results>/corpus/caps/{length}/entities.parquet",
        fertility="<results>/corpus/tokenizer/fertility.json",
        tokenizer="<results>/corpus/tokenizer/tokenizer.json",
        stop_list=STOP_LIST,
    output:
        dataset=directory("<results>/corpus/entity_coref/{length}/dataset"),
        manifest="<results>/corpus/entity_coref/{length}/manifest.json",
        fates="<results>/corpus/entity_coref/{length}/fates.parquet",
    log:
        "<results>/logs/corpus/build_entity_coref/{length}.log",
    benchmark:
        "<results>/benchmarks/corpus/build_entity_coref/{length}.jsonl"
    conda:
        "../envs/corpus.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(240),
        batch_documents=CONFIG["corpus"]["batch_documents"],
    params:
        merge_substrings=CONFIG["corpus"]["entity_coref"]["merge_substrings"],
        min_entity_freq=CONFIG["corpus"]["entity_coref"]["min_entity_freq"],
        max_entity_freq=CONFIG["corpus"]["entity_coref"]["max_entity_freq"],
        rows_per_file=CONFIG["corpus"]["rows_per_file"],
        licences=lambda wildcards: CORPUS.licences("entity_coref"),
        code_hash=code_version("scripts/corpus/build_entity_coref.py", packages=("datasets",)),
        seed=CONFIG["seed"],
        code=code_version("scripts/corpus/build_entity_coref.py", packages=("datasets",)),
    script:
        "../scripts/corpus/build_entity_coref.py"


rule build_mlm:
    """Build the MLM dataset of a length."""
    input:
        tokens=tokens_of_kind("mlm"),
        selection="<results>/corpus/selection/mlm.parquet",
        fertility="<results>/corpus/tokenizer/fertility.json",
        tokenizer="<results>/corpus/tokenizer/tokenizer.json",
    output:
        dataset=directory("<results>/corpus/mlm/{length}/dataset"),
        manifest="<results>/corpus/mlm/{length}/manifest.json",
        fates="<results>/corpus/mlm/{length}/fates.parquet",
    log:
        "<results>/logs/corpus/build_mlm/{length}.log",
    benchmark:
        "<results>/benchmarks/corpus/build_mlm/{length}.jsonl"
    conda:
        "../envs/corpus.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(240),
        batch_documents=CONFIG["corpus"]["batch_documents"],
    params:
        packing=CONFIG["corpus"]["mlm"]["packing"],
        rows_per_file=CONFIG["corpus"]["rows_per_file"],
        licences=lambda wildcards: CORPUS.licences("mlm"),
        code_hash=code_version("scripts/corpus/build_mlm.py", packages=("datasets",)),
        seed=CONFIG["seed"],
        code=code_version("scripts/corpus/build_mlm.py", packages=("datasets",)),
    script:
        "../scripts/corpus/build_mlm.py"


rule summarize_corpus:
    """Write the track's tables: funnel, distributions, entities, datasets."""
    input:
        scores=shard_files("scores"),
        unreadable=files_of_sources("sources", "unreadable.parquet"),
        fates=files_of_datasets("fates.parquet"),
        manifests=files_of_datasets("manifest.json"),
        shard_manifests=files_of_sources("sources", "shards.json"),
        fertility="<results>/corpus/tokenizer/fertility.json",
    output:
        funnel="<results>/corpus/tables/funnel.tsv",
        samples="<results>/corpus/tables/samples.tsv",
        filter_costs="<results>/corpus/tables/filter_costs.tsv",
        pronouns="<results>/corpus/tables/pronouns.tsv",
        ceilings="<results>/corpus/tables/ceilings.tsv",
        histograms="<results>/corpus/tables/histograms.tsv",
        thresholds="<results>/corpus/tables/thresholds.tsv",
        entities="<results>/corpus/tables/entities.tsv",
        datasets="<results>/corpus/tables/datasets.tsv",
        summary="<results>/corpus/tables/summary.json",
    log:
        "<results>/logs/corpus/summarize_corpus/all.log",
    benchmark:
        "<results>/benchmarks/corpus/summarize_corpus/all.jsonl"
    conda:
        "../envs/corpus.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(60),
    params:
        dataset_names=CORPUS.dataset_names(),
        dataset_sources=CORPUS.dataset_sources(),
        limits={kind: CORPUS.limits(kind) for kind in CORPUS.kinds()},
        licences=CORPUS.all_licences(),
        max_entity_freq=CONFIG["corpus"]["entity_coref"]["max_entity_freq"],
        tokenizer_name=lambda wildcards: CORPUS.tokenizer_name(),
        code_hash=code_version("scripts/corpus/summarize_corpus.py"),
        seed=CONFIG["seed"],
        code=code_version("scripts/corpus/summarize_corpus.py"),
    script:
        "../scripts/corpus/summarize_corpus.py"
