"""One file, one published claim: its command, the published number and ours."""

if __name__ != "marketic.experiments":
    raise ImportError("import marketic.experiments, not experiments")
