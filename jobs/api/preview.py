"""/api/preview: what a job that is not made would do."""

from rest_framework.request import Request
from rest_framework.response import Response

from booper.placeholders import RenderTooLargeError
from jobs import clock, previews
from jobs.api import operations, serializers, validation_schedules
from jobs.api.problems import FieldError, InvalidInput
from jobs.api.views import View, answer


class Preview(View):
    @operations.PREVIEW
    def post(self, request: Request) -> Response:
        asked = validation_schedules.previewed(self.sent_fields(), now=clock.now())
        spec, plan = asked.wanted.spec, asked.wanted.plan
        try:
            would_send = previews.request(spec, plan) if spec.url else None
        except RenderTooLargeError as refusal:
            raise InvalidInput([FieldError("", str(refusal))]) from None
        found = previews.runs(spec, plan, count=asked.count, zone=asked.zone)
        return answer(
            {
                "description": previews.describe(spec, plan),
                "frequency": None if plan is None else plan.frequency,
                "timezone": str(asked.zone),
                "runs": [serializers.run(each, zone=asked.zone) for each in found],
                "request": would_send,
            }
        )
