"""Load profiles and benchmarks; everything here points at loopback and ends by itself."""
