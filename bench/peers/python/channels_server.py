"""Starts the program in `channels_app.py` as the command `uvicorn channels_app:application` would, and beside that prints
where it listens and ends with standard input, so that it never outlives the benchmark that started it.
"""

import argparse
import os
import socket
import sys
import threading

import uvicorn


class Server(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets)
        host, port = sockets[0].getsockname()
        print(f"listening on {host}:{port}", flush=True)


def exit_with_standard_input():
    while sys.stdin.buffer.read(64):
        pass
    os._exit(0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bind", default="127.0.0.1:0")
    host, port = parser.parse_args().bind.rsplit(":", 1)

    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, int(port)))

    threading.Thread(target=exit_with_standard_input, daemon=True).start()
    config = uvicorn.Config("channels_app:application", log_level="warning")
    Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
