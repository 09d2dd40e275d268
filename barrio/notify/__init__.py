"""Notifications: what the outbox holds goes out by webhook, by e-mail, or by whatever apprise reaches."""
