"""How the web part runs, whether `manage.py studio` starts it or `gunicorn heygen_studio.wsgi` in this folder."""

worker_class = "heygen_studio.web.worker.Worker"
workers = 2
preload_app = True
loglevel = "warning"
graceful_timeout = 2  # seconds; the worker itself takes one
timeout = 30  # seconds until a worker with a stuck event loop is replaced
control_socket_disable = True
# X-Forwarded-Proto and its kind say nothing here: Django believes them where STUDIO_PROXIES says so.
forwarded_allow_ips = ""
