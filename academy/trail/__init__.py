"""The trail: who saw and changed what of an academy's data, from where and when.

Changes are written by the database itself, row by row (academy/tenancy/postgres/changes.py); what was looked at,
refused and logged in to by the middleware here, from what each view declares (academy/http/disclosures.py).
"""
