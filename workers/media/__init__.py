"""Front ends for uploaded files: bytes in, grey pages out. Pure, and meant for the sandboxed child."""
