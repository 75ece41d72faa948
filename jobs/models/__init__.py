"""A file a table: columns, constraints, indexes, reads."""

from jobs.models.alert import Alert, AlertedEnd, AlertIncident, AlertWatch
from jobs.models.alert_letter import AlertLetter
from jobs.models.api_key import ApiKey, Scope
from jobs.models.audit_event import AuditEvent
from jobs.models.calendar import Calendar
from jobs.models.delivery import Delivery, DeliveryKind, DeliveryState
from jobs.models.identity import Identity
from jobs.models.inbox import Inbox, InboxRequest
from jobs.models.job import FINISHED_STATES, HOLDS_ITS_KEY, UNFINISHED_STATES, WAITING_STATES, Job, JobState
from jobs.models.log_event import EventType, LogEvent
from jobs.models.parked_host import ParkedHost
from jobs.models.password_reset import PasswordReset
from jobs.models.process import Process, ProcessRole
from jobs.models.queue import Queue
from jobs.models.receiver import Receiver
from jobs.models.request_fields import REQUEST_COLUMNS, REQUEST_FIELDS
from jobs.models.rolled_up_count import RolledUpCount, RolledUpTo
from jobs.models.schedule import CatchUp, Overlap, Schedule
from jobs.models.second_factor import RecoveryCode, SecondFactor
from jobs.models.secret import Secret
from jobs.models.sign_in import SignIn
from jobs.models.switch import Switch
from jobs.models.tally import Tally
from jobs.models.usage import Usage
from jobs.models.user import User

__all__ = [
    "FINISHED_STATES",
    "HOLDS_ITS_KEY",
    "REQUEST_COLUMNS",
    "REQUEST_FIELDS",
    "UNFINISHED_STATES",
    "WAITING_STATES",
    "Alert",
    "AlertIncident",
    "AlertLetter",
    "AlertWatch",
    "AlertedEnd",
    "ApiKey",
    "AuditEvent",
    "Calendar",
    "CatchUp",
    "Delivery",
    "DeliveryKind",
    "DeliveryState",
    "EventType",
    "Identity",
    "Inbox",
    "InboxRequest",
    "Job",
    "JobState",
    "LogEvent",
    "Overlap",
    "ParkedHost",
    "PasswordReset",
    "Process",
    "ProcessRole",
    "Queue",
    "Receiver",
    "RecoveryCode",
    "RolledUpCount",
    "RolledUpTo",
    "Schedule",
    "Scope",
    "SecondFactor",
    "Secret",
    "SignIn",
    "Switch",
    "Tally",
    "Usage",
    "User",
]
