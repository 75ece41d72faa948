"""When a web process loads its application: before it minds signals, so that one told to end meanwhile ends at once."""

import gc
from typing import Any

from uvicorn.config import Config


class EagerConfig(Config):
    """uvicorn asks for the loop first of all; by itself it loads once signals are only noted."""

    def get_loop_factory(self) -> Any:
        if not self.loaded:
            self.load()
            # What is there by now stays. To walk it all again, each few thousand requests, held up everybody for a
            # tenth of a second.
            gc.collect()
            gc.freeze()
        return super().get_loop_factory()
