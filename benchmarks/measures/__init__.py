"""One module for each thing that is measured; `measure(scene)` prints its tables."""
