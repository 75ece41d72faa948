"""Why a job is where it is: reasons, history, timeline, previews."""
