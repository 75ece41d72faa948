"""Wake-ups, in and out: who is told that something is due."""
