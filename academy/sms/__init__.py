"""Text messages: a port of one method, the carrier behind it, and sending that no request waits for."""
