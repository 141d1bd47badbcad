"""Output: from map updates to messages and topics.

Imports middleware.
"""
