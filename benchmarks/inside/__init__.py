"""What is measured or prepared within an instance's own settings; each module's `main` answers one JSON object."""
