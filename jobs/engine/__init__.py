"""A worker process: claims what is due, keeps it on the wire, records what came of it."""
