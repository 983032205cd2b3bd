"""Kernels that leave the terminal to the progress bar."""

import os
import signal
import subprocess
from contextlib import suppress
from typing import Any, ClassVar
from weakref import WeakSet

from jupyter_client.manager import AsyncKernelManager


class QuietKernelManager(AsyncKernelManager):
    """Starts kernels without their log on the terminal; what cells write to stderr is still captured."""

    started: ClassVar[WeakSet["QuietKernelManager"]] = WeakSet()

    async def start_kernel(self, **options: Any) -> None:
        """Start the kernel; its own log, a traceback at every Ctrl-C among it, goes nowhere."""
        await self._async_start_kernel(stderr=subprocess.DEVNULL, **options)
        self.started.add(self)

    @classmethod
    def kill_all(cls) -> None:
        """End every kernel that this process started and what those started, at once."""
        for kernel in list(cls.started):
            if kernel.has_kernel and kernel.provisioner.has_process:
                with suppress(ProcessLookupError):
                    os.killpg(kernel.provisioner.pgid, signal.SIGKILL)
