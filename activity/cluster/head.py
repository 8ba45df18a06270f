"""The head of a Ray cluster: whether it still answers."""

import socket
import time

from activity.common.errors import UserError

_ASK_SECONDS = 3
_ANSWER_SECONDS = 2
# Ray itself gives up after a minute, and takes this process with it.
_GIVE_UP_SECONDS = 12


class Head:
    """Tells when the head of the cluster that this process has joined answers no more."""

    def __init__(self, total: int) -> None:
        """``total`` is how many jobs there are."""
        import ray

        self._total = total
        # A driver outside the cluster reaches it through a process on the head, and no other way.
        client = ray.util.client.ray.is_connected()
        self._address = "" if client else ray.get_runtime_context().gcs_address
        self._asked = self._answered = time.monotonic()

    def check(self, done: int, *, now: bool = False) -> bool:
        """Ask whether it answers, and say what it was the last time where that was just now.

        Ray's own calls to a head that does not answer would hang for a minute.

        Args:
            done: how many jobs are.
            now: ask in any case.

        Raises:
            UserError: it has not answered for some time.
        """
        if now or time.monotonic() - self._asked > _ASK_SECONDS:
            answers = self.answers()
            if not answers and time.monotonic() - self._answered > _GIVE_UP_SECONDS:
                raise UserError(
                    f"the head of the cluster, {self._address}, no longer answers: {done} of "
                    f"{self._total} are done, and the same command does the rest once the cluster "
                    "has been started again"
                )
        return self._answered >= self._asked

    def answers(self) -> bool:
        """Ask now."""
        self._asked = time.monotonic()
        if not self._address:
            self._answered = self._asked
            return True
        host, _, port = self._address.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), _ANSWER_SECONDS).close()
        except OSError:
            return False
        self._answered = time.monotonic()
        return True
