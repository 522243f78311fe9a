"""How long each step of a request and of its jobs took, as one trace: by ids and names that we have made."""
