"""When a web process loads its application: before it minds signals, so that one told to end meanwhile ends at once."""

from typing import Any

from uvicorn.config import Config


class EagerConfig(Config):
    """uvicorn asks for the loop first of all; by itself it loads once signals are only noted."""

    def get_loop_factory(self) -> Any:
        if not self.loaded:
            self.load()
        return super().get_loop_factory()
