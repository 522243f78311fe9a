"""Files: in S3, under a prefix of their academy's own, reached by short-lived signed requests."""
