"""What marketic must reach, measured: `marketic bench NAME`."""

if __name__ != "marketic.benchmarks":
    raise ImportError("import marketic.benchmarks, not benchmarks")
