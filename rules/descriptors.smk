"""Track 4, descriptors: a table of numeric descriptors to a set without redundancy.

PURPOSE   Molecules -> descriptors, or a finished table -> four passes (statistics and variance,
          Spearman, variance inflation, HSIC and RDC), each with its events -> survivors, and for
          every removed descriptor when, why, and which survivor stands for it.
INPUTS    The config section descriptors: its key input names files of molecules, or of a table.
OUTPUTS   <results>/descriptors/surviving_descriptors_clusters.json, final_descriptors.txt
          <results>/descriptors/descriptor_lineage.parquet, descriptor_lineage.csv
          <results>/descriptors/pass{1_variance,2_spearman,3_vif,4_nonlinear}.json
          <results>/descriptors/{molecules,computed,pass1,pass2,pass3,pass4}/
          <results>/descriptors/tables/ (for people and for the report)
          <results>/costs/descriptors/ (memory and seconds by block)
TARGETS   descriptors
"""

# What a pass takes besides its blocks: Python, torch and the matrices.
PASS_MEMORY = DESCRIPTORS.config["memory_mb"] + 1500
MOLECULE_PACKAGES = ("rdkit", "mordredcommunity")
PASS_PACKAGES = ("numpy", "scipy", "torch")
CLUSTER_PACKAGES = ("leidenalg", "igraph", "scipy", "numpy")
# The passes' settings, for the steps that repeat the passes.
PASS_SETTINGS = {
    **{
        f"{section}_settings": DESCRIPTORS.config[section]
        for section in ("statistics", "clustering", "spearman", "vif", "nonlinear")
    },
    "force_keep": lambda wildcards: DESCRIPTORS.config["columns"]["force_keep"],
    "prefer": lambda wildcards: DESCRIPTORS.config["columns"]["prefer"],
    "seed": CONFIG["seed"],
}
REPEATED_PACKAGES = (*PASS_PACKAGES, "leidenalg", "igraph")
DESCRIPTOR_TABLE = {
    "table": "<results>/descriptors/table.json",
    "converted": ancient("<results>/descriptors/converted"),
}
EVENTS = [f"<results>/descriptors/pass{number}/events.parquet" for number in (1, 2, 3, 4)]

DESCRIPTORS_TABLES = {
    name: f"<results>/descriptors/tables/{file}"
    for name, file in {
        "funnel": "funnel.tsv",
        "reasons": "reasons.tsv",
        "cluster_sizes": "cluster_sizes.tsv",
        "survivors": "survivors.tsv",
        "largest_clusters": "largest_clusters.tsv",
        "weak_heirs": "weak_heirs.tsv",
        "clusterings": "clusterings.tsv",
        "heatmap": "heatmap.parquet",
        "pairs": "pairs.parquet",
        "summary": "summary.json",
    }.items()
}


wildcard_constraints:
    shard=r"\d{3}",


rule fetch_inputs:
    """Fetch a file of molecules or of a finished table."""
    output:
        fetched="<results>/descriptors/inputs/{file}",
    log:
        "<results>/logs/descriptors/fetch_inputs/{file}.log",
    benchmark:
        "<results>/benchmarks/descriptors/fetch_inputs/{file}.jsonl"
    wildcard_constraints:
        # It stands in command lines; scripts/common/downloads.py admits no other names.
        file=r"\w[\w.+-]*",
    conda:
        "../envs/descriptors.yaml"
    resources:
        mem_mb=growing(500),
        runtime=growing(720),
    params:
        address=lambda wildcards: DESCRIPTORS.addresses()[wildcards.file],
        sha256=lambda wildcards: DESCRIPTORS.digest(wildcards.file),
        code=code_version("scripts/descriptors/fetch_inputs.py"),
    script:
        "../scripts/descriptors/fetch_inputs.py"


rule enumerate_library:
    """Enumerate the embedded library of molecules."""
    output:
        library="<results>/descriptors/molecules/library.parquet",
    log:
        "<results>/logs/descriptors/enumerate_library/all.log",
    benchmark:
        "<results>/benchmarks/descriptors/enumerate_library/all.jsonl"
    conda:
        "../envs/descriptors.yaml"
    resources:
        mem_mb=growing(500),
        runtime=growing(30),
    params:
        molecules=DESCRIPTORS.config["library"]["molecules"],
        seed=CONFIG["seed"],
        code=code_version("scripts/descriptors/enumerate_library.py", packages=("rdkit",)),
    script:
        "../scripts/descriptors/enumerate_library.py"


rule shard_molecules:
    """Read molecules, standardise them, keep each once, and cut them into shards."""
    input:
        inputs=DESCRIPTOR_FILES,
    output:
        folder=directory("<results>/descriptors/molecules/shards"),
        manifest="<results>/descriptors/molecules/manifest.json",
        rows="<results>/descriptors/molecules/rows.parquet",
    log:
        "<results>/logs/descriptors/shard_molecules/all.log",
    benchmark:
        "<results>/benchmarks/descriptors/shard_molecules/all.jsonl"
    conda:
        "../envs/descriptors.yaml"
    threads: DESCRIPTORS.config["molecules"]["workers"]
    resources:
        mem_mb=growing(2000),
        runtime=growing(720),
    params:
        smiles_field=lambda wildcards: DESCRIPTORS.field("smiles_field"),
        id_field=lambda wildcards: DESCRIPTORS.field("id_field"),
        largest_fragment=DESCRIPTORS.config["molecules"]["largest_fragment"],
        neutralize=DESCRIPTORS.config["molecules"]["neutralize"],
        merge_by=DESCRIPTORS.config["molecules"]["merge_by"],
        shards=DESCRIPTORS.config["molecules"]["shards"],
        code=code_version("scripts/descriptors/shard_molecules.py", packages=("rdkit",)),
    script:
        "../scripts/descriptors/shard_molecules.py"


rule compute_descriptors:
    """Compute the descriptors of a shard of molecules."""
    input:
        folder=ancient("<results>/descriptors/molecules/shards"),
        manifest="<results>/descriptors/molecules/manifest.json",
    output:
        part="<results>/descriptors/computed/{shard}.parquet",
        rejects="<results>/descriptors/computed/{shard}.rejects.parquet",
    log:
        "<results>/logs/descriptors/compute_descriptors/{shard}.log",
    benchmark:
        "<results>/benchmarks/descriptors/compute_descriptors/{shard}.jsonl"
    conda:
        "../envs/descriptors.yaml"
    threads: DESCRIPTORS.config["molecules"]["workers"]
    resources:
        mem_mb=growing(2000),
        runtime=growing(1440),
    params:
        descriptor_sets=DESCRIPTORS.config["molecules"]["sets"],
        timeout_s=DESCRIPTORS.config["molecules"]["timeout_s"],
        code=code_version("scripts/descriptors/compute_descriptors.py", packages=MOLECULE_PACKAGES),
    script:
        "../scripts/descriptors/compute_descriptors.py"


rule describe_table:
    """Settle what each column of the table is; turn CSV parts into Parquet."""
    input:
        parts=DESCRIPTOR_PARTS,
    output:
        manifest="<results>/descriptors/table.json",
        converted=directory("<results>/descriptors/converted"),
    log:
        "<results>/logs/descriptors/describe_table/all.log",
    benchmark:
        "<results>/benchmarks/descriptors/describe_table/all.jsonl"
    conda:
        "../envs/descriptors.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(240),
    params:
        metadata=lambda wildcards: DESCRIPTORS.metadata(),
        labels=lambda wildcards: DESCRIPTORS.config["columns"]["labels"],
        protected=lambda wildcards: DESCRIPTORS.config["columns"]["protected"],
        force_drop=lambda wildcards: DESCRIPTORS.config["columns"]["force_drop"],
        code=code_version("scripts/descriptors/describe_table.py"),
    script:
        "../scripts/descriptors/describe_table.py"


rule filter_variance:
    """Pass 1: measure every descriptor and reject those without information."""
    input:
        **DESCRIPTOR_TABLE,
    output:
        statistics="<results>/descriptors/pass1/statistics.parquet",
        events="<results>/descriptors/pass1/events.parquet",
        checkpoint="<results>/descriptors/pass1_variance.json",
        memory="<results>/costs/descriptors/pass1_memory.parquet",
    log:
        "<results>/logs/descriptors/filter_variance/all.log",
    benchmark:
        "<results>/benchmarks/descriptors/filter_variance/all.jsonl"
    conda:
        "../envs/descriptors.yaml"
    threads: DESCRIPTORS.config["threads"]
    resources:
        mem_mb=growing(PASS_MEMORY),
        runtime=growing(720),
        memory_mb=DESCRIPTORS.config["memory_mb"],
    params:
        max_missing_ratio=DESCRIPTORS.config["statistics"]["max_missing_ratio"],
        min_effective_n=DESCRIPTORS.config["statistics"]["min_effective_n"],
        variance_threshold=DESCRIPTORS.config["statistics"]["variance_threshold"],
        range_mode=DESCRIPTORS.config["statistics"]["range_mode"],
        max_mode_share=DESCRIPTORS.config["statistics"]["max_mode_share"],
        min_distinct=DESCRIPTORS.config["statistics"]["min_distinct"],
        force_keep=lambda wildcards: DESCRIPTORS.config["columns"]["force_keep"],
        code_hash=code_version("scripts/descriptors/filter_variance.py", packages=("numpy",)),
        code=code_version("scripts/descriptors/filter_variance.py", packages=("numpy",)),
    script:
        "../scripts/descriptors/filter_variance.py"


rule correlate_descriptors:
    """Pass 2: Spearman correlation of all pairs."""
    input:
        **DESCRIPTOR_TABLE,
        statistics="<results>/descriptors/pass1/statistics.parquet",
    output:
        correlation="<results>/descriptors/pass2/correlation.safetensors",
        memory="<results>/costs/descriptors/pass2_memory.parquet",
    log:
        "<results>/logs/descriptors/correlate_descriptors/all.log",
    benchmark:
        "<results>/benchmarks/descriptors/correlate_descriptors/all.jsonl"
    conda:
        "../envs/descriptors.yaml"
    threads: DESCRIPTORS.config["threads"]
    resources:
        mem_mb=growing(PASS_MEMORY),
        runtime=growing(720),
        memory_mb=DESCRIPTORS.config["memory_mb"],
        gpu=1,
    params:
        spearman_threshold=DESCRIPTORS.config["spearman"]["threshold"],
        exact_rows=DESCRIPTORS.config["spearman"]["exact_rows"],
        min_effective_n=DESCRIPTORS.config["statistics"]["min_effective_n"],
        code=code_version("scripts/descriptors/correlate_descriptors.py", packages=PASS_PACKAGES),
    script:
        "../scripts/descriptors/correlate_descriptors.py"


rule cluster_correlated:
    """Pass 2: clusters of correlated descriptors, one of each survives."""
    input:
        correlation="<results>/descriptors/pass2/correlation.safetensors",
        statistics="<results>/descriptors/pass1/statistics.parquet",
    output:
        clusters="<results>/descriptors/pass2/clusters.parquet",
        events="<results>/descriptors/pass2/events.parquet",
        methods="<results>/descriptors/pass2/methods.tsv",
        restarts_table="<results>/descriptors/pass2/restarts.tsv",
        checkpoint="<results>/descriptors/pass2_spearman.json",
    log:
        "<results>/logs/descriptors/cluster_correlated/all.log",
    benchmark:
        "<results>/benchmarks/descriptors/cluster_correlated/all.jsonl"
    conda:
        "../envs/descriptors.yaml"
    resources:
        mem_mb=growing(1500),
        runtime=growing(240),
    params:
        spearman_threshold=DESCRIPTORS.config["spearman"]["threshold"],
        method=DESCRIPTORS.config["clustering"]["method"],
        min_representative_similarity=DESCRIPTORS.config["spearman"][
            "min_representative_similarity"
        ],
        resolution_ratio=DESCRIPTORS.config["clustering"]["resolution_ratio"],
        restarts=DESCRIPTORS.config["clustering"]["restarts"],
        force_keep=lambda wildcards: DESCRIPTORS.config["columns"]["force_keep"],
        prefer=lambda wildcards: DESCRIPTORS.config["columns"]["prefer"],
        seed=CONFIG["seed"],
        code_hash=code_version(
            "scripts/descriptors/cluster_correlated.py", packages=CLUSTER_PACKAGES
        ),
        code=code_version("scripts/descriptors/cluster_correlated.py", packages=CLUSTER_PACKAGES),
    script:
        "../scripts/descriptors/cluster_correlated.py"


rule eliminate_collinear:
    """Pass 3: remove the largest variance inflation factor, one by one."""
    input:
        **DESCRIPTOR_TABLE,
        statistics="<results>/descriptors/pass1/statistics.parquet",
        events_before=EVENTS[:2],
    output:
        path="<results>/descriptors/pass3/path.parquet",
        events="<results>/descriptors/pass3/events.parquet",
        sensitivity="<results>/descriptors/pass3/sensitivity.tsv",
        correlation="<results>/descriptors/pass3/correlation.safetensors",
        checkpoint="<results>/descriptors/pass3_vif.json",
        memory="<results>/costs/descriptors/pass3_memory.parquet",
    log:
        "<results>/logs/descriptors/eliminate_collinear/all.log",
    benchmark:
        "<results>/benchmarks/descriptors/eliminate_collinear/all.jsonl"
    conda:
        "../envs/descriptors.yaml"
    threads: DESCRIPTORS.config["threads"]
    resources:
        mem_mb=growing(PASS_MEMORY),
        runtime=growing(720),
        memory_mb=DESCRIPTORS.config["memory_mb"],
        gpu=1,
    params:
        vif_threshold=DESCRIPTORS.config["vif"]["threshold"],
        vif_matrix=DESCRIPTORS.config["vif"]["matrix"],
        eigenvalue_floor=DESCRIPTORS.config["vif"]["eigenvalue_floor"],
        heir_min_similarity=DESCRIPTORS.config["vif"]["heir_min_similarity"],
        min_effective_n=DESCRIPTORS.config["statistics"]["min_effective_n"],
        force_keep=lambda wildcards: DESCRIPTORS.config["columns"]["force_keep"],
        code_hash=code_version("scripts/descriptors/eliminate_collinear.py", packages=PASS_PACKAGES),
        code=code_version("scripts/descriptors/eliminate_collinear.py", packages=PASS_PACKAGES),
    script:
        "../scripts/descriptors/eliminate_collinear.py"


rule measure_dependence:
    """Pass 4: nHSIC and RDC of all pairs."""
    input:
        **DESCRIPTOR_TABLE,
        statistics="<results>/descriptors/pass1/statistics.parquet",
        events_before=EVENTS[:3],
    output:
        dependence="<results>/descriptors/pass4/dependence.safetensors",
        null="<results>/descriptors/pass4/null.json",
        memory="<results>/costs/descriptors/pass4_memory.parquet",
    log:
        "<results>/logs/descriptors/measure_dependence/all.log",
    benchmark:
        "<results>/benchmarks/descriptors/measure_dependence/all.jsonl"
    conda:
        "../envs/descriptors.yaml"
    threads: DESCRIPTORS.config["threads"]
    resources:
        mem_mb=growing(PASS_MEMORY),
        runtime=growing(1440),
        memory_mb=DESCRIPTORS.config["memory_mb"],
        gpu=1,
    params:
        rows=DESCRIPTORS.config["nonlinear"]["rows"],
        permutations=DESCRIPTORS.config["nonlinear"]["permutations"],
        hsic_step=DESCRIPTORS.config["nonlinear"]["hsic_step"],
        hsic_frequencies=DESCRIPTORS.config["nonlinear"]["hsic_frequencies"],
        rdc_basis=DESCRIPTORS.config["nonlinear"]["rdc_basis"],
        rdc_step=DESCRIPTORS.config["nonlinear"]["rdc_step"],
        rdc_frequencies=DESCRIPTORS.config["nonlinear"]["rdc_frequencies"],
        min_effective_n=DESCRIPTORS.config["statistics"]["min_effective_n"],
        seed=CONFIG["seed"],
        code_hash=code_version("scripts/descriptors/measure_dependence.py", packages=PASS_PACKAGES),
        code=code_version("scripts/descriptors/measure_dependence.py", packages=PASS_PACKAGES),
    script:
        "../scripts/descriptors/measure_dependence.py"


rule cluster_dependent:
    """Pass 4: clusters of dependent descriptors, one of each survives."""
    input:
        dependence="<results>/descriptors/pass4/dependence.safetensors",
        statistics="<results>/descriptors/pass1/statistics.parquet",
    output:
        clusters="<results>/descriptors/pass4/clusters.parquet",
        events="<results>/descriptors/pass4/events.parquet",
        methods="<results>/descriptors/pass4/methods.tsv",
        restarts_table="<results>/descriptors/pass4/restarts.tsv",
        checkpoint="<results>/descriptors/pass4_nonlinear.json",
    log:
        "<results>/logs/descriptors/cluster_dependent/all.log",
    benchmark:
        "<results>/benchmarks/descriptors/cluster_dependent/all.jsonl"
    conda:
        "../envs/descriptors.yaml"
    resources:
        mem_mb=growing(1500),
        runtime=growing(240),
    params:
        hsic_threshold=DESCRIPTORS.config["nonlinear"]["hsic_threshold"],
        rdc_threshold=DESCRIPTORS.config["nonlinear"]["rdc_threshold"],
        min_explained=DESCRIPTORS.config["nonlinear"]["min_explained"],
        hsic_weight=DESCRIPTORS.config["nonlinear"]["hsic_weight"],
        rdc_weight=DESCRIPTORS.config["nonlinear"]["rdc_weight"],
        nonlinear_threshold=DESCRIPTORS.config["nonlinear"]["fusion_threshold"],
        method=DESCRIPTORS.config["clustering"]["method"],
        min_representative_similarity=DESCRIPTORS.config["nonlinear"][
            "min_representative_similarity"
        ],
        resolution_ratio=DESCRIPTORS.config["clustering"]["resolution_ratio"],
        restarts=DESCRIPTORS.config["clustering"]["restarts"],
        force_keep=lambda wildcards: DESCRIPTORS.config["columns"]["force_keep"],
        prefer=lambda wildcards: DESCRIPTORS.config["columns"]["prefer"],
        seed=CONFIG["seed"],
        code_hash=code_version(
            "scripts/descriptors/cluster_dependent.py", packages=CLUSTER_PACKAGES
        ),
        code=code_version("scripts/descriptors/cluster_dependent.py", packages=CLUSTER_PACKAGES),
    script:
        "../scripts/descriptors/cluster_dependent.py"


rule trace_clusters:
    """Follow every removed descriptor to the survivor that stands for it."""
    input:
        table="<results>/descriptors/table.json",
        statistics="<results>/descriptors/pass1/statistics.parquet",
        events=EVENTS,
        correlation="<results>/descriptors/pass2/correlation.safetensors",
    output:
        clusters_json="<results>/descriptors/surviving_descriptors_clusters.json",
        final="<results>/descriptors/final_descriptors.txt",
        lineage="<results>/descriptors/descriptor_lineage.parquet",
        lineage_csv="<results>/descriptors/descriptor_lineage.csv",
    log:
        "<results>/logs/descriptors/trace_clusters/all.log",
    benchmark:
        "<results>/benchmarks/descriptors/trace_clusters/all.jsonl"
    conda:
        "../envs/descriptors.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(60),
    params:
        code_hash=code_version("scripts/descriptors/trace_clusters.py"),
        code=code_version("scripts/descriptors/trace_clusters.py"),
    script:
        "../scripts/descriptors/trace_clusters.py"


rule sweep_thresholds:
    """Count the survivors of each pass for several thresholds."""
    input:
        table="<results>/descriptors/table.json",
        statistics="<results>/descriptors/pass1/statistics.parquet",
        events=EVENTS,
        correlation="<results>/descriptors/pass2/correlation.safetensors",
        vif_correlation="<results>/descriptors/pass3/correlation.safetensors",
        dependence="<results>/descriptors/pass4/dependence.safetensors",
    output:
        sweep="<results>/descriptors/tables/sweep.tsv",
    log:
        "<results>/logs/descriptors/sweep_thresholds/all.log",
    benchmark:
        "<results>/benchmarks/descriptors/sweep_thresholds/all.jsonl"
    conda:
        "../envs/descriptors.yaml"
    resources:
        mem_mb=growing(1500),
        runtime=growing(240),
    params:
        **PASS_SETTINGS,
        code=code_version("scripts/descriptors/sweep_thresholds.py", packages=REPEATED_PACKAGES),
    script:
        "../scripts/descriptors/sweep_thresholds.py"


rule assess_stability:
    """Repeat the passes on items drawn with replacement."""
    input:
        **DESCRIPTOR_TABLE,
        lineage="<results>/descriptors/descriptor_lineage.parquet",
        correlation="<results>/descriptors/pass2/correlation.safetensors",
    output:
        stability="<results>/descriptors/tables/stability.tsv",
        summary="<results>/descriptors/tables/stability.json",
    log:
        "<results>/logs/descriptors/assess_stability/all.log",
    benchmark:
        "<results>/benchmarks/descriptors/assess_stability/all.jsonl"
    conda:
        "../envs/descriptors.yaml"
    threads: DESCRIPTORS.config["threads"]
    resources:
        mem_mb=growing(PASS_MEMORY + 500),
        runtime=growing(720),
        memory_mb=DESCRIPTORS.config["memory_mb"],
        gpu=1,
    params:
        **PASS_SETTINGS,
        bootstraps=DESCRIPTORS.config["stability"]["bootstraps"],
        bootstrap_rows=DESCRIPTORS.config["stability"]["rows"],
        code_hash=code_version(
            "scripts/descriptors/assess_stability.py", packages=REPEATED_PACKAGES
        ),
        code=code_version("scripts/descriptors/assess_stability.py", packages=REPEATED_PACKAGES),
    script:
        "../scripts/descriptors/assess_stability.py"


rule summarize_descriptors:
    """Write the track's tables: what was reduced to what, clusters, heirs, pairs, settings."""
    input:
        statistics="<results>/descriptors/pass1/statistics.parquet",
        events=EVENTS,
        checkpoints=expand(
            "<results>/descriptors/pass{name}.json",
            name=("1_variance", "2_spearman", "3_vif", "4_nonlinear"),
        ),
        clusters=expand("<results>/descriptors/pass{number}/clusters.parquet", number=(2, 4)),
        methods=expand("<results>/descriptors/pass{number}/methods.tsv", number=(2, 4)),
        restarts_tables=expand("<results>/descriptors/pass{number}/restarts.tsv", number=(2, 4)),
        correlation="<results>/descriptors/pass2/correlation.safetensors",
        dependence="<results>/descriptors/pass4/dependence.safetensors",
        path="<results>/descriptors/pass3/path.parquet",
        null="<results>/descriptors/pass4/null.json",
        lineage="<results>/descriptors/descriptor_lineage.parquet",
        clusters_json="<results>/descriptors/surviving_descriptors_clusters.json",
        molecules=("<results>/descriptors/molecules/manifest.json" if DESCRIPTORS.shards() else []),
    output:
        **DESCRIPTORS_TABLES,
    log:
        "<results>/logs/descriptors/summarize_descriptors/all.log",
    benchmark:
        "<results>/benchmarks/descriptors/summarize_descriptors/all.jsonl"
    conda:
        "../envs/descriptors.yaml"
    resources:
        mem_mb=growing(1500),
        runtime=growing(60),
    params:
        seed=CONFIG["seed"],
        code_hash=code_version("scripts/descriptors/summarize_descriptors.py", packages=("numpy",)),
        code=code_version("scripts/descriptors/summarize_descriptors.py", packages=("numpy",)),
    script:
        "../scripts/descriptors/summarize_descriptors.py"
