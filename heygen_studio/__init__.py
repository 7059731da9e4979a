"""HeyGen Studio: settings, addresses and the web server."""

__version__ = "0.2.0"
