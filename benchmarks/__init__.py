"""Measurements of all four backends side by side; `python -m benchmarks` runs them."""
