"""Track 5, retrieval: a dense retriever that learns session by session from a bounded memory.

PURPOSE   A collection -> sessions; per method and seed, session after session: the memory takes in
          the session's documents and queries and samples pairs, the encoder trains on them, and is
          evaluated on every session so far and on the next one; the matrix and its comparison.
INPUTS    The config section retrieval: its key input names files of documents, queries and
          judgements; the table of methods.
OUTPUTS   <results>/retrieval/sessions/{manifest.json,shares.tsv}
          <results>/retrieval/streams/{method}/{seed}/memory/session-{t}/, pairs-{t}.jsonl,
          models/session-{t}/, runs/model-{t}-test-{j}.trec, scores/, vectors/, accumulated/
          <results>/retrieval/tables/ (for people and for the report)
TARGETS   retrieval
"""

RETRIEVAL_STREAM = f"{RETRIEVAL_FOLDER}/streams/{{method}}/{{seed}}"
RETRIEVAL_TABLES = {
    name: f"{RETRIEVAL_FOLDER}/tables/{file}"
    for name, file in {
        "metrics_table": "metrics.tsv",
        "matrix": "matrix.tsv",
        "transfer": "transfer.tsv",
        "comparison": "comparison.tsv",
        "cohesion_table": "cohesion.tsv",
        "memory_table": "memory.tsv",
        "losses_table": "losses.tsv",
        "summary": "summary.json",
    }.items()
}
# A transformer's library is loaded where there is one, and nowhere else.
RETRIEVAL_PACKAGES = (
    ("torch", "transformers", "tokenizers", "numpy")
    if RETRIEVAL.config["encoder"]["kind"] == "transformer"
    else ("numpy", "scipy")
)
RETRIEVAL_TRAINED = tuple(sorted({"torch", *RETRIEVAL_PACKAGES}))


wildcard_constraints:
    method=r"[a-z][a-z0-9_]*",
    session=r"\d+",
    test=r"\d+",


rule generate_session:
    """Generate a session's topical documents, queries and judgements; topics drift."""
    output:
        corpus=f"{RETRIEVAL_FOLDER}/generated/{{session}}/corpus.jsonl",
        queries=f"{RETRIEVAL_FOLDER}/generated/{{session}}/queries.jsonl",
        qrels=f"{RETRIEVAL_FOLDER}/generated/{{session}}/qrels.tsv",
    log:
        "<results>/logs/retrieval/generate_session/{session}.log",
    benchmark:
        "<results>/benchmarks/retrieval/generate_session/{session}.jsonl"
    conda:
        "../envs/retrieval.yaml"
    resources:
        mem_mb=growing(500),
        runtime=growing(30),
    params:
        topics=RETRIEVAL.config["generated"]["topics"],
        documents=RETRIEVAL.config["generated"]["documents"],
        queries_count=RETRIEVAL.config["generated"]["queries"],
        seed=CONFIG["seed"],
        code=code_version("scripts/retrieval/generate_session.py", packages=("numpy",)),
    script:
        "../scripts/retrieval/generate_session.py"


rule build_session:
    """Take a session's documents, queries and judgements, check them, and split its queries."""
    input:
        corpus=lambda wildcards: RETRIEVAL.files("corpus", int(wildcards.session)),
        queries=lambda wildcards: RETRIEVAL.files("queries", int(wildcards.session)),
        qrels=lambda wildcards: RETRIEVAL.files("qrels", int(wildcards.session)),
        before=lambda wildcards: RETRIEVAL.session_files(range(int(wildcards.session)), "documents"),
        before_queries=lambda wildcards: RETRIEVAL.session_files(
            range(int(wildcards.session)), "queries"
        ),
    output:
        documents=f"{RETRIEVAL_FOLDER}/sessions/{{session}}/documents.parquet",
        session_queries=f"{RETRIEVAL_FOLDER}/sessions/{{session}}/queries.parquet",
        session_qrels=f"{RETRIEVAL_FOLDER}/sessions/{{session}}/qrels.parquet",
        facts=f"{RETRIEVAL_FOLDER}/sessions/{{session}}/session.json",
        digests=f"{RETRIEVAL_FOLDER}/sessions/{{session}}/digests.json",
    log:
        "<results>/logs/retrieval/build_session/{session}.log",
    benchmark:
        "<results>/benchmarks/retrieval/build_session/{session}.jsonl"
    conda:
        "../envs/retrieval.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(60),
    params:
        t=lambda wildcards: int(wildcards.session),
        name=lambda wildcards: RETRIEVAL.sessions[int(wildcards.session)],
        session_given=RETRIEVAL.session_given,
        shares=lambda wildcards: RETRIEVAL.shares_until(int(wildcards.session)),
        test_share=RETRIEVAL.config["test_share"],
        seed=CONFIG["seed"],
        code=code_version("scripts/retrieval/build_session.py", packages=("numpy", "scipy")),
    script:
        "../scripts/retrieval/build_session.py"


rule summarize_sessions:
    """Collect what the sessions hold: shares of domains, answers, leaks."""
    input:
        facts=[
            f"{RETRIEVAL.session_folder(session)}/session.json"
            for session in range(len(RETRIEVAL.sessions))
        ],
    output:
        manifest=f"{RETRIEVAL_FOLDER}/sessions/manifest.json",
        shares=f"{RETRIEVAL_FOLDER}/sessions/shares.tsv",
    log:
        "<results>/logs/retrieval/summarize_sessions/all.log",
    benchmark:
        "<results>/benchmarks/retrieval/summarize_sessions/all.jsonl"
    conda:
        "../envs/retrieval.yaml"
    resources:
        mem_mb=growing(500),
        runtime=growing(30),
    params:
        code=code_version("scripts/retrieval/summarize_sessions.py"),
    script:
        "../scripts/retrieval/summarize_sessions.py"


rule prepare_encoder:
    """Load or make the encoder that every stream starts from."""
    input:
        documents=ancient(f"{RETRIEVAL_FOLDER}/sessions/0/documents.parquet"),
        digests=RETRIEVAL.session_digests([0]),
    output:
        encoder=directory(f"{RETRIEVAL_FOLDER}/encoder"),
    log:
        "<results>/logs/retrieval/prepare_encoder/all.log",
    benchmark:
        "<results>/benchmarks/retrieval/prepare_encoder/all.jsonl"
    conda:
        "../envs/retrieval.yaml"
    threads: RETRIEVAL.config["threads"]
    resources:
        mem_mb=growing(3000),
        runtime=growing(120),
    params:
        kind=RETRIEVAL.config["encoder"]["kind"],
        pretrained=lambda wildcards: RETRIEVAL.config["encoder"]["model"],
        revision=lambda wildcards: RETRIEVAL.config["encoder"]["revision"],
        architecture=RETRIEVAL.config["encoder"]["architecture"],
        sizes=RETRIEVAL.encoder_sizes(),
        vocabulary=RETRIEVAL.config["encoder"]["vocabulary"],
        dimension=RETRIEVAL.config["encoder"]["dimension"],
        buckets=RETRIEVAL.config["encoder"]["buckets"],
        ngram_min=RETRIEVAL.config["encoder"]["ngram_min"],
        ngram_max=RETRIEVAL.config["encoder"]["ngram_max"],
        dropout=RETRIEVAL.config["encoder"]["dropout"],
        window=RETRIEVAL.config["encoder"]["window"],
        overlap=RETRIEVAL.config["encoder"]["overlap"],
        pooling=RETRIEVAL.config["encoder"]["pooling"],
        seed=CONFIG["seed"],
        code=code_version("scripts/retrieval/prepare_encoder.py", packages=RETRIEVAL_PACKAGES),
    script:
        "../scripts/retrieval/prepare_encoder.py"


rule update_memory:
    """Refresh the memory, evict, take in the session, and sample the pairs that train."""
    input:
        documents=ancient(f"{RETRIEVAL_FOLDER}/sessions/{{session}}/documents.parquet"),
        queries=ancient(f"{RETRIEVAL_FOLDER}/sessions/{{session}}/queries.parquet"),
        qrels=ancient(f"{RETRIEVAL_FOLDER}/sessions/{{session}}/qrels.parquet"),
        digests=lambda wildcards: RETRIEVAL.session_digests([wildcards.session]),
        encoder=lambda wildcards: RETRIEVAL.model(
            wildcards.method, wildcards.seed, int(wildcards.session) - 1
        ),
        previous=lambda wildcards: RETRIEVAL.previous_memory(
            wildcards.method, wildcards.seed, int(wildcards.session)
        ),
    output:
        memory=directory(f"{RETRIEVAL_STREAM}/memory/session-{{session}}"),
        pairs=f"{RETRIEVAL_STREAM}/pairs-{{session}}.jsonl",
    log:
        "<results>/logs/retrieval/update_memory/{method}/{seed}/{session}.log",
    benchmark:
        "<results>/benchmarks/retrieval/update_memory/{method}/{seed}/{session}.jsonl"
    conda:
        "../envs/retrieval.yaml"
    threads: RETRIEVAL.config["threads"]
    resources:
        mem_mb=growing(3000),
        runtime=growing(240),
        gpu=1,
    params:
        method=lambda wildcards: RETRIEVAL.memory_settings(wildcards.method),
        memory_docs=RETRIEVAL.config["memory_docs"],
        clusters=RETRIEVAL.config["clusters"],
        sampling=RETRIEVAL.config["sampling"],
        code=code_version(
            "scripts/retrieval/update_memory.py", packages=(*RETRIEVAL_PACKAGES, "scikit-learn")
        ),
    script:
        "../scripts/retrieval/update_memory.py"


rule train_encoder:
    """Train the encoder on the session's pairs."""
    input:
        start=lambda wildcards: RETRIEVAL.start(
            wildcards.method, wildcards.seed, int(wildcards.session)
        ),
        memory=rules.update_memory.output.memory,
        pairs=rules.update_memory.output.pairs,
    output:
        model=directory(f"{RETRIEVAL_STREAM}/models/session-{{session}}"),
    log:
        "<results>/logs/retrieval/train_encoder/{method}/{seed}/{session}.log",
    benchmark:
        "<results>/benchmarks/retrieval/train_encoder/{method}/{seed}/{session}.jsonl"
    conda:
        "../envs/retrieval.yaml"
    threads: RETRIEVAL.config["threads"]
    resources:
        mem_mb=growing(3000),
        runtime=growing(480),
        gpu=1,
    params:
        budget=RETRIEVAL.config["training"]["budget"],
        steps=RETRIEVAL.config["training"]["steps"],
        epochs=RETRIEVAL.config["training"]["epochs"],
        batch=RETRIEVAL.config["training"]["batch"],
        learning_rate=RETRIEVAL.config["training"]["learning_rate"],
        temperature=RETRIEVAL.config["training"]["temperature"],
        warmup_ratio=RETRIEVAL.config["training"]["warmup_ratio"],
        weight_decay=RETRIEVAL.config["training"]["weight_decay"],
        in_batch=RETRIEVAL.config["training"]["in_batch"],
        code_hash=code_version("scripts/retrieval/train_encoder.py", packages=RETRIEVAL_TRAINED),
        code=code_version("scripts/retrieval/train_encoder.py", packages=RETRIEVAL_TRAINED),
    script:
        "../scripts/retrieval/train_encoder.py"


rule evaluate_session:
    """Search a session's collection for its test queries with the encoder of a session."""
    input:
        encoder=lambda wildcards: RETRIEVAL.model(
            wildcards.method, wildcards.seed, int(wildcards.session)
        ),
        documents=ancient(f"{RETRIEVAL_FOLDER}/sessions/{{test}}/documents.parquet"),
        queries=ancient(f"{RETRIEVAL_FOLDER}/sessions/{{test}}/queries.parquet"),
        qrels=ancient(f"{RETRIEVAL_FOLDER}/sessions/{{test}}/qrels.parquet"),
        digests=lambda wildcards: RETRIEVAL.session_digests([wildcards.test]),
        stored=lambda wildcards: RETRIEVAL.stored_vectors(
            wildcards.method, wildcards.seed, int(wildcards.session), int(wildcards.test)
        ),
        memory=lambda wildcards: RETRIEVAL.searched_memory(
            wildcards.method, wildcards.seed, int(wildcards.session)
        ),
    output:
        runs=f"{RETRIEVAL_STREAM}/runs/model-{{session}}-test-{{test}}.trec",
        scores=f"{RETRIEVAL_STREAM}/scores/model-{{session}}-test-{{test}}.parquet",
        facts=f"{RETRIEVAL_STREAM}/scores/model-{{session}}-test-{{test}}.json",
        vectors=f"{RETRIEVAL_STREAM}/vectors/model-{{session}}-test-{{test}}.safetensors",
    log:
        "<results>/logs/retrieval/evaluate_session/{method}/{seed}/{session}-{test}.log",
    benchmark:
        "<results>/benchmarks/retrieval/evaluate_session/{method}/{seed}/{session}-{test}.jsonl"
    wildcard_constraints:
        method=RETRIEVAL.pattern_of("continue", "restart", "frozen"),
    conda:
        "../envs/retrieval.yaml"
    threads: RETRIEVAL.config["threads"]
    resources:
        mem_mb=growing(2000),
        runtime=growing(120),
        gpu=1,
    params:
        session=lambda wildcards: RETRIEVAL.session_of_model(
            wildcards.method, int(wildcards.session)
        ),
        modes=lambda wildcards: RETRIEVAL.modes(wildcards.method),
        depth=RETRIEVAL.config["evaluation"]["depth"],
        nearest=RETRIEVAL.config["clusters"]["nearest"],
        code=code_version(
            "scripts/retrieval/evaluate_session.py",
            packages=(*RETRIEVAL_PACKAGES, "faiss-cpu", "ir-measures"),
        ),
    script:
        "../scripts/retrieval/evaluate_session.py"


rule evaluate_accumulated:
    """Search the documents of all sessions so far for the test queries of each of them."""
    input:
        vectors=lambda wildcards: [
            RETRIEVAL.vectors(wildcards.method, wildcards.seed, int(wildcards.session), test)
            for test in range(int(wildcards.session) + 1)
        ],
        documents=lambda wildcards: ancient(RETRIEVAL.session_files_until(wildcards, "documents")),
        queries=lambda wildcards: ancient(RETRIEVAL.session_files_until(wildcards, "queries")),
        qrels=lambda wildcards: ancient(RETRIEVAL.session_files_until(wildcards, "qrels")),
        digests=lambda wildcards: RETRIEVAL.session_digests(range(int(wildcards.session) + 1)),
    output:
        scores=f"{RETRIEVAL_STREAM}/accumulated/model-{{session}}.parquet",
    log:
        "<results>/logs/retrieval/evaluate_accumulated/{method}/{seed}/{session}.log",
    benchmark:
        "<results>/benchmarks/retrieval/evaluate_accumulated/{method}/{seed}/{session}.jsonl"
    wildcard_constraints:
        method=RETRIEVAL.pattern_of("continue", "restart", "frozen"),
    conda:
        "../envs/retrieval.yaml"
    threads: RETRIEVAL.config["threads"]
    resources:
        mem_mb=growing(2000),
        runtime=growing(120),
    params:
        depth=RETRIEVAL.config["evaluation"]["depth"],
        code=code_version(
            "scripts/retrieval/evaluate_accumulated.py",
            packages=("numpy", "faiss-cpu", "ir-measures"),
        ),
    script:
        "../scripts/retrieval/evaluate_accumulated.py"


rule evaluate_bm25:
    """Search a session's collection, and that of all sessions so far, by BM25."""
    input:
        documents=lambda wildcards: ancient(RETRIEVAL.session_files_until(wildcards, "documents")),
        queries=lambda wildcards: ancient(RETRIEVAL.session_files_until(wildcards, "queries")),
        qrels=lambda wildcards: ancient(RETRIEVAL.session_files_until(wildcards, "qrels")),
        digests=lambda wildcards: RETRIEVAL.session_digests(range(int(wildcards.session) + 1)),
    output:
        runs=f"{RETRIEVAL_STREAM}/runs/model-{{session}}-test-{{session}}.trec",
        scores=f"{RETRIEVAL_STREAM}/scores/model-{{session}}-test-{{session}}.parquet",
        facts=f"{RETRIEVAL_STREAM}/scores/model-{{session}}-test-{{session}}.json",
        accumulated=f"{RETRIEVAL_STREAM}/accumulated/model-{{session}}.parquet",
    log:
        "<results>/logs/retrieval/evaluate_bm25/{method}/{seed}/{session}.log",
    benchmark:
        "<results>/benchmarks/retrieval/evaluate_bm25/{method}/{seed}/{session}.jsonl"
    wildcard_constraints:
        method=RETRIEVAL.pattern_of("bm25"),
    conda:
        "../envs/retrieval.yaml"
    threads: RETRIEVAL.config["threads"]
    resources:
        mem_mb=growing(2000),
        runtime=growing(120),
    params:
        test=lambda wildcards: int(wildcards.session),
        tokens=RETRIEVAL.config["evaluation"]["bm25_tokens"],
        depth=RETRIEVAL.config["evaluation"]["depth"],
        code=code_version(
            "scripts/retrieval/evaluate_bm25.py",
            packages=("numpy", "bm25s", "ir-measures", "kiwipiepy", "kiwipiepy_model"),
        ),
    script:
        "../scripts/retrieval/evaluate_bm25.py"


rule compare_methods:
    """Put the matrix together, and compare the methods with their intervals."""
    input:
        scores=RETRIEVAL.files_of_evaluations("scores", "parquet"),
        facts=RETRIEVAL.files_of_evaluations("scores", "json"),
        accumulated=RETRIEVAL.files_of_sessions("accumulated/model-{}.parquet", RETRIEVAL.methods),
        memories=RETRIEVAL.files_of_sessions("memory/session-{}", RETRIEVAL.trained),
        models=RETRIEVAL.files_of_sessions("models/session-{}", RETRIEVAL.trained),
        manifest=rules.summarize_sessions.output.manifest,
    output:
        **RETRIEVAL_TABLES,
    log:
        "<results>/logs/retrieval/compare_methods/all.log",
    benchmark:
        "<results>/benchmarks/retrieval/compare_methods/all.jsonl"
    conda:
        "../envs/retrieval.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        methods=RETRIEVAL.methods,
        streams=RETRIEVAL.streams(RETRIEVAL.methods),
        sessions=RETRIEVAL.sessions,
        reference=RETRIEVAL.reference,
        measure=RETRIEVAL.config["evaluation"]["measure"],
        bootstrap=RETRIEVAL.config["evaluation"]["bootstrap"],
        seed=CONFIG["seed"],
        code_hash=code_version("scripts/retrieval/compare_methods.py", packages=("numpy", "scipy")),
        code=code_version("scripts/retrieval/compare_methods.py", packages=("numpy", "scipy")),
    script:
        "../scripts/retrieval/compare_methods.py"
