"""Side-by-side measurements of the four backends; `nox -s bench` runs them all."""
