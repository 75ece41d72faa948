"""/api/preview: what a job that is not made would do."""

from rest_framework.request import Request
from rest_framework.response import Response

from booper.content.placeholders import RenderTooLargeError
from jobs.api import serializers
from jobs.api.endpoints.base import View, answer
from jobs.api.input.taken import takes
from jobs.api.schema.operations import schedules as operations
from jobs.database import clock
from jobs.explaining import family, previews
from jobs.intake import calendar, schedule
from jobs.intake.refusals import FieldError, InvalidInput
from jobs.models import Scope


class Preview(View):
    # It makes nothing.
    needs = Scope.READ

    @operations.PREVIEW
    @takes(body=schedule.PREVIEW_FIELDS)
    def post(self, request: Request) -> Response:
        asked = schedule.previewed(self.sent_fields(), now=clock.now())
        spec = asked.wanted.spec
        plan = calendar.resolved(asked.wanted.plan, user_id=self.owner_id, now=clock.now())
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
                "skipped": [serializers.run(each, zone=asked.zone) for each in previews.left_out(plan, found)],
                "request": would_send,
                "follows": [serializers.following(each) for each in family.following(spec.args)],
            }
        )
