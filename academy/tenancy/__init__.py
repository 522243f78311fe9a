"""Who owns a row: academies (tenants), their hosts, and the four walls between them.

1. columns: every tenant table has ``tenant_id`` and composite foreign keys ``(tenant_id, x_id)``;
2. managers that filter by the acting tenant and raise when there is none;
3. row-level security, forced on every tenant table;
4. tests that walk what there is.
"""
