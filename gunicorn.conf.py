"""What gunicorn reads by itself where it is started: its own log in the format that Booper's is in."""

from gunicorn import glogging
from gunicorn.config import Config

from config import settings
from jobs.log_lines import JsonFormatter


class Logger(glogging.Logger):
    """Not gunicorn's `logconfig`: with one, it writes a line for each request too."""

    def setup(self, cfg: Config) -> None:
        super().setup(cfg)
        if settings.LOG_FORMAT == "json":
            for handler in self.error_log.handlers:
                handler.setFormatter(JsonFormatter())


logger_class = Logger
