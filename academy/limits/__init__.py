"""How often something may be tried: counters in PostgreSQL that every process shares and no rollback erases."""
