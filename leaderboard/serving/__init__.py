"""Processes: the application, the server, the supervisor of worker and server."""
