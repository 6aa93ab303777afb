"""The way to a GBT-SCA: one of its two e-ports, and the other one when the first falls silent.

The recovery when a port is lost: a command that gets no reply after all its repeats is sent once more over the other
port, after the e-link there was switched on and connected; CONNECT leaves the SCA's channels as they are. It is done
only for what is safe to repeat, stays in force until `use` says otherwise, and `switched` tells that it happened.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ltdb.errors import BenchError
from ltdb.sca.commands import Command
from testbench.faults import NoReply
from testbench.transactions import ScaCommand, ScaControl, ScaLink, ScaReply
from testbench.transport import Session

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ScaRoute:
    """A GBT link and the e-link of it that ends at a port of the SCA."""

    link: int
    auxiliary: bool = False

    def __str__(self) -> str:
        return f"{'auxiliary' if self.auxiliary else 'primary'} port over link {self.link}"


class ScaPort:
    """Commands to one SCA.

    Parameters
    ----------
    session
        Conversation with the board.
    primary
        The usual route.
    auxiliary
        The route to its other port; None if there is none, and then nothing is switched.
    prepare
        Switches the e-link of the auxiliary route on in its GBTx.
    """

    def __init__(
        self,
        session: Session,
        primary: ScaRoute,
        auxiliary: ScaRoute | None = None,
        prepare: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._session, self.primary, self.auxiliary, self._prepare = session, primary, auxiliary, prepare
        self.route = primary
        self.switched: list[str] = []
        """What was lost and taken instead, in order."""

    def transaction(self, command: Command, *, once: bool = False) -> ScaCommand:
        """The transaction that carries a command over the present route."""
        route = self.route
        return ScaCommand(
            route.link, command.channel, command.code, command.value, once=once, auxiliary=route.auxiliary
        )

    async def run(self, commands: Sequence[Command], *, once: bool = False) -> list[int]:
        """Carry out commands in order and return D[31:0] of each reply; with `once` the last is never repeated.

        On the other port all of them are sent again, so only the last may be one that must not be repeated.
        """

        async def send() -> list[int]:
            last = len(commands) - 1
            batch = [self.transaction(c, once=once and i == last) for i, c in enumerate(commands)]
            replies: list[ScaReply] = await self._session.batch(batch)
            return [reply.data for reply in replies]

        return await self._on_either_port(send)

    async def supervise(self, *controls: ScaControl) -> None:
        """Send supervisory frames: RESET, CONNECT, TEST."""

        async def send() -> None:
            for control in controls:
                await self._session.do(ScaLink(self.route.link, control, self.route.auxiliary))

        await self._on_either_port(send)

    async def use(self, *, auxiliary: bool) -> None:
        """Take one of the two ports, and connect to it; the SCA's channels stay as they are.

        Raises
        ------
        BenchError
            If the board has no auxiliary route to this SCA.
        """
        if auxiliary and self.auxiliary is None:
            raise BenchError(f"the SCA with its {self.primary} has no auxiliary route")
        before, self.route = self.route, self.auxiliary if auxiliary and self.auxiliary else self.primary
        try:
            if auxiliary and self._prepare is not None:
                await self._prepare()
            await self._session.do(ScaLink(self.route.link, ScaControl.CONNECT, self.route.auxiliary))
        except BaseException:
            self.route = before
            raise

    async def _on_either_port(self, send: Callable[[], Awaitable[T]]) -> T:
        try:
            return await send()
        except NoReply as silence:
            if self.auxiliary is None:
                raise
            lost = self.route
            try:
                await self.use(auxiliary=not lost.auxiliary)
            except NoReply:
                # Neither port answers: what was asked for first is the error to report.
                raise silence from None
            self.switched.append(f"{lost} was silent, {self.route} taken")
            return await send()
