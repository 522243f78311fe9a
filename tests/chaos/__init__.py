"""`make chaos`: a thousand jobs through the real stack while processes, SQS and PostgreSQL break at random."""
