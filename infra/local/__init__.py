"""The embedded stack: PostgreSQL, S3 and SQS on 127.0.0.1 without Docker, for development, the demo and the tests.

Linux only. All state lies in one folder, `.local/` of the repository unless ACADEMY_LOCAL_STATE names another.
"""
