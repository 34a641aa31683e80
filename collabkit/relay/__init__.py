"""Sockets and pages around a workspace."""
