"""The web server: a gunicorn worker in which no slow client can hold a thread.

worker.py       the process: accepts connections, counts them, stops
connection.py   one connection: head, body, the application's answer, and again
body.py         receives a request's body, within its limits
reply.py        turns the application's answer into bytes to send
sent_files.py   a file, or the part of it that is asked for
remembered.py   who may have which file, for two seconds
wire.py         the socket: receives and sends, and gives up on stalled clients
"""
