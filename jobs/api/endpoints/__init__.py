"""The HTTP doors, a view a file: what a call answers."""
