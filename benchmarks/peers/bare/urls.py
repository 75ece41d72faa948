"""The one view."""

from celery import Celery
from django.urls import path
from rest_framework import generics, serializers

from benchmarks.peers.bare.models import Request
from config import settings as booper

app = Celery("bare", broker=booper.BROKER_URL)
# A queue of its own, which nobody reads.
app.conf.update(task_default_queue="bare", broker_transport_options=booper.CELERY_BROKER_TRANSPORT_OPTIONS)


@app.task(name="run", ignore_result=True)
def run(request_id: int) -> None:
    """Never called: the messages are left where they are."""


class RequestSerializer(serializers.ModelSerializer[Request]):
    class Meta:
        model = Request
        fields = ("id", "method", "url", "body", "run_at", "inserted_at")


class Requests(generics.CreateAPIView[Request]):
    serializer_class = RequestSerializer

    def perform_create(self, serializer: serializers.BaseSerializer[Request]) -> None:
        row = serializer.save()
        run.apply_async((row.pk,), eta=row.run_at)


urlpatterns = [path("requests", Requests.as_view())]
