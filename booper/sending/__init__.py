"""The one way out: sends requests through libcurl, to addresses that were judged when they were dialled."""
