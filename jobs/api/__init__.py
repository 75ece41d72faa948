"""The HTTP doors: requests become checked values, values become JSON, and every refusal is problem+json."""
