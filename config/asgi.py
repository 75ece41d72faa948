"""The web process's door for ASGI servers. Views are synchronous, so gunicorn with config.wsgi serves them faster."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_asgi_application()
