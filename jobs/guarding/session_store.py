"""Sessions in the database, as Django has them; what is noted of one follows it to its next key."""

from django.contrib.sessions.backends.db import SessionStore as DatabaseStore

from jobs.models import SignIn


class SessionStore(DatabaseStore):
    """A session has another key from a change of its user's password on, and at each sign-in."""

    def cycle_key(self) -> None:
        before = self.session_key
        super().cycle_key()
        if before:
            SignIn.objects.filter(session_key=before).update(session_key=self.session_key)
