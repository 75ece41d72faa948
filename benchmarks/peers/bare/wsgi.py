"""`gunicorn benchmarks.peers.bare.wsgi`, in the place of `config.wsgi`."""

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
