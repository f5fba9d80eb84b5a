# What the benchmarks need beside bench_*.c.

bench: $(BUILD)/bench/load $(BUILD)/bench/swapper
