"""What the processes write down: lines of JSON that name the request, the academy and the job, and no person."""
