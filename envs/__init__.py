"""Gymnasium environments of marketic, and compiled twins of the classic ones."""

if __name__ != "marketic.envs":
    raise ImportError("import marketic.envs, not envs")
