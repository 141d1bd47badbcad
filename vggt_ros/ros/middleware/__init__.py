"""Middleware: stamps, message data, quality of service, parameters, logs, shutdown.

Knows messages and rclpy, not what this package does with them. Imports no other room of ros.
"""
