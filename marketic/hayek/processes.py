"""Other processes that answer letters: what goes wrong in one is heard at once, and all end with the process that started them.

They are daemons: they end when the caller is done, raises, or is interrupted; and if it is killed, they see that and end too.
"""

import contextlib
import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import connection
from typing import Any

from marketic.errors import InputError

LOST_PROCESS = (
    "an island's process ended without an answer (exit code {}): can `build` be imported there, does a script start what it "
    "does under `if __name__ == '__main__':`, and was it killed, perhaps for want of memory?"
)
Handler = Callable[[Any], Any]


class Process:
    """A process in which `make(*given)` makes a function of letters."""

    def __init__(self, make: Callable[..., Handler], given: tuple[Any, ...]) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=_serve, args=(other, make, given), daemon=True)
        self.process.start()
        other.close()

    def send(self, letter: Any) -> None:
        """Ask it; what has ended answers to `receive`."""
        with contextlib.suppress(OSError):
            self.pipe.send(letter)

    def receive(self) -> Any:
        """Its answer. Raises what it raised, and InputError if it has ended."""
        try:
            sound, answer = self.pipe.recv()
        except (EOFError, OSError):
            self.process.join()
            raise InputError(LOST_PROCESS.format(self.process.exitcode)) from None
        if not sound:
            raise answer
        return answer

    def end(self) -> None:
        """Stop it, whatever it does."""
        self.pipe.close()
        self.process.terminate()
        self.process.join()


@contextlib.contextmanager
def started(make: Callable[..., Handler], given: Sequence[tuple[Any, ...]]) -> Iterator[list[Process]]:
    """One process for each of `given`; they end when the caller leaves."""
    with contextlib.ExitStack() as stack:
        processes = []
        for parts in given:
            processes.append(Process(make, parts))
            stack.callback(processes[-1].end)
        yield processes


def ask_all(processes: Sequence[Process], letter: Any) -> list[Any]:
    """What each answers to a letter, in order. Raises at once what one of them raises."""
    return share_out(processes, [letter] * len(processes))


def share_out(processes: Sequence[Process], letters: Sequence[Any]) -> list[Any]:
    """The answers to letters, in order; each process gets one, then whoever is free the next.

    Raises at once what one of them raises.
    """
    answers: list[Any] = [None] * len(letters)
    waiting = iter(enumerate(letters))
    busy: dict[Any, tuple[Process, int]] = {}
    for process, (number, letter) in zip(processes, waiting, strict=False):
        process.send(letter)
        busy[process.pipe] = process, number
    while busy:
        for pipe in connection.wait(list(busy)):
            process, number = busy.pop(pipe)
            answers[number] = process.receive()
            following = next(waiting, None)
            if following is not None:
                process.send(following[1])
                busy[pipe] = process, following[0]
    return answers


def _serve(pipe: Any, make: Callable[..., Handler], given: tuple[Any, ...]) -> None:
    """Answer letters until nobody is there to read."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the caller then ends this one
    threading.Thread(target=_end_with_the_caller, daemon=True).start()
    handler: Handler | None = None
    with contextlib.suppress(EOFError, OSError):
        while True:
            letter = pipe.recv()
            try:
                handler = make(*given) if handler is None else handler
                message = pickle.dumps((True, handler(letter)))
            except Exception as error:  # whatever it is, the caller has to hear of it
                message = _told(error)
            pipe.send_bytes(message)


def _told(error: Exception) -> bytes:
    """An exception as bytes; one that cannot travel becomes an InputError in its words."""
    error.add_note(f"In another process:\n{traceback.format_exc()}")
    try:
        message = pickle.dumps((False, error))
        pickle.loads(message)
    except Exception:  # exceptions may have any constructor
        return pickle.dumps((False, InputError(f"{type(error).__name__} in another process: {error}")))
    return message


def _end_with_the_caller() -> None:
    caller = multiprocessing.parent_process()
    assert caller is not None
    caller.join()
    os._exit(1)
