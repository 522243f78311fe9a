"""Jobs: the row is the outbox and the truth, SQS carries its id, a worker claims, computes and records, fenced.

QUEUED -> SENT -> RUNNING -> SUCCEEDED | FAILED | CANCELLED, each move a conditional UPDATE. A transaction that makes
a job only writes its row and rings the dispatcher (``NOTIFY``, delivered at commit): nothing can be sent that was
rolled back, and nothing that was committed depends on the process that committed it.
"""
