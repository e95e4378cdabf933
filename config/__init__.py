"""The wiring: the only package that may see every app."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
