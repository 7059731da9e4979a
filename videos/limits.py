"""How many things may run at once, and why. All numbers are for one host.

Two more limits belong to the owner, and count across hosts: `STUDIO_MAX_IN_FLIGHT`, or the account's own number in the
admin (generations at a remote API), and a budget's `in_flight` (unfinished generations of a member).
Two numbers have to be elsewhere: `RENDERERS` in `standin/api.py`, because the demo server imports nothing of ours, and
`workers` in `gunicorn.conf.py`, because gunicorn reads it before our code can be imported.
"""

# In each web process. Connections wait on one event loop, so that a slow client costs no thread. A thread runs the
# application; on PostgreSQL each keeps a database connection. A stream is an answer that is made while it is sent, such
# as an archive of many videos.
WEB_CONNECTIONS = 4000
WEB_THREADS = 32
WEB_STREAMS = 32

# django-q2's worker processes: one polls, two send, two save, one is for the nightly check, and one is left for tasks
# that take a moment. If a task waits long for a free process, all processes are replaced, including those that are
# sending. So SENDERS + SAVERS + 3 = WORKERS.
WORKERS = 7
SENDERS = 2
SAVERS = 2

# Tasks that django-q2's broker has handed out and no process has begun. A short queue, because they are lost when the
# processes are replaced, and because a stuck queue is noticed only once it is full.
TASKS_HANDED_OUT = 1
TASKS_PER_FETCH = 1

# Tasks that wait in django-q2's table. The rows are the real queue; more tasks would only delay the next poller.
TASKS_WAITING = 20

# Claimed polls that wait for their turn: twice what a tick of a second needs, as it begins before those of the last
# one are sent; and requests under way at a time. With answers that take 0.3 s both are enough for 25,000 running
# generations that are polled every ten seconds. Many systems let a process open 1,024 files.
POLLS_PER_TICK = 5000
POLL_CONNECTIONS = 768
