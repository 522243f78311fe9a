"""Notices on people's devices (web push): who wants them where, what there is to tell, and sending it."""
