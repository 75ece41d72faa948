"""Tells owners what goes wrong with their jobs, by what they asked to be told of: fires once, resolves once."""
