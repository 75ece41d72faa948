"""Sessions in the database, as Django has them; what is noted of one follows it to its next key."""

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.exceptions import SessionInterrupted
from django.contrib.sessions.models import Session
from django.db import transaction

from jobs.models import SignIn


class SessionStore(DatabaseStore):
    """A session has another key from a change of its user's password on, and at each sign-in."""

    def cycle_key(self) -> None:
        """Raises SessionInterrupted where the session of somebody signed in was ended since it was read.

        Else its own request that was under way would bring it back, under a key that nobody has ended.
        """
        before = self.session_key
        with transaction.atomic():
            if before:
                # Whoever ends the session takes this one first too, and then finds the key that it has now.
                list(SignIn.objects.select_for_update().filter(session_key=before).values_list("pk"))
            if before and SESSION_KEY in self and not Session.objects.filter(session_key=before).delete()[0]:
                raise SessionInterrupted("this session was ended while the request was under way: sign in again")
            super().cycle_key()
            if before:
                SignIn.objects.filter(session_key=before).update(session_key=self.session_key)
