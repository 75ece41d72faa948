"""Days that somebody else keeps: those of .ics files, and public holidays."""
