"""What a door may have done: create or cancel one job, many, or all that match."""
