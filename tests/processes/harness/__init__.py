"""Real web, worker, beat, broker and database processes for tests, and a target that records what it was sent."""
