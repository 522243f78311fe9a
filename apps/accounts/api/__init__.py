"""People over HTTP: who one is, how one signs in, and who else belongs here."""
