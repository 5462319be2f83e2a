"""Serving the live page: on this machine only, at 127.0.0.1."""

import errno
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from marketic.dashboard.feed import Feed
from marketic.dashboard.replay import draw_without_a_screen
from marketic.errors import InputError

PORT = 5006


def open_server(folder: Path, port: int | None = None) -> tuple[Any, int]:
    """A Bokeh server on 127.0.0.1 that is not running yet, and its port. port: None: a free one is chosen.

    Raises InputError for no run folder, a log of another version, a port in use, or if Bokeh is not installed.
    """
    feed = Feed(folder)
    try:
        from bokeh.application import Application
        from bokeh.application.handlers.function import FunctionHandler
        from bokeh.server.server import Server
    except ImportError:
        raise InputError("the live page needs Bokeh: pip install 'marketic[dashboard]'") from None
    from marketic.dashboard.books import Books
    from marketic.dashboard.page import application

    number = require_free(port or 0)
    origins = [f"127.0.0.1:{number}", f"localhost:{number}"]
    app = Application(FunctionHandler(application(feed, Books(feed))))
    return Server({"/": app}, port=number, address="127.0.0.1", allow_websocket_origin=origins), number


def require_free(port: int) -> int:
    """The port, or a free one for 0. Raises InputError if it cannot be had: Bokeh would leave a socket open then."""
    if not 0 <= port < 65536:
        raise InputError(f"port {port}: wanted a number from 1 to 65535")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be had ({error.strerror})"
            raise InputError(f"port {port} on 127.0.0.1 {why}: choose another --port, or leave it out") from None
        return int(probe.getsockname()[1])


def serve(folder: Path, port: int | None, say: Callable[[str], None]) -> None:
    """Serve until interrupted; `say` gets the address."""
    draw_without_a_screen()
    server, number = open_server(folder, port)
    server.start()
    say(f"look at http://127.0.0.1:{number}/  (Ctrl-C ends it; the run goes on)")
    try:
        server.io_loop.start()
    except KeyboardInterrupt:
        pass
    finally:
        server.stop()
