"""The web server: connections with deadlines and bounds, whole requests handed to a few threads, and its start."""
