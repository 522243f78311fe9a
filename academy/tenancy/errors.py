"""What goes wrong when code forgets whose data it touches. None of these reaches a person: each is a bug."""


class NoActingTenant(RuntimeError):
    """A tenant table was asked for while no academy was acting."""


class ForeignTenant(RuntimeError):
    """A row of one academy was about to be written while another one was acting."""


class TenantQueryOutsideTransaction(RuntimeError):
    """A tenant is acting but no transaction is open, so that its identity could not be bound to one."""
